#include <coserve/frame_stream.hpp>

#include "stream_state.hpp"

#include <stdexcept>
#include <utility>

namespace coserve {

frame_stream::frame_stream(stream_state* state) noexcept : state_(state) {}

frame_stream::frame_stream(frame_stream&& other) noexcept
    : state_(std::exchange(other.state_, nullptr)) {}

frame_stream& frame_stream::operator=(frame_stream&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
}

frame_stream::~frame_stream() {
    if (state_)
        state_->let_go();
}

frame_stream::read_operation frame_stream::read_frame() noexcept {
    return {*state_, {}};
}

frame_stream::read_operation frame_stream::read_frame(duration limit) noexcept {
    return {*state_, {.limit = limit}};
}

frame_stream::read_operation frame_stream::read_header() noexcept {
    return {*state_, {.what = read_request::kind::header}};
}

frame_stream::read_operation frame_stream::read_body() noexcept {
    return {*state_, {.what = read_request::kind::body}};
}

frame_stream::read_operation frame_stream::read_some() noexcept {
    return {*state_, {.what = read_request::kind::some}};
}

frame_stream::read_operation frame_stream::read_exactly(std::size_t size) noexcept {
    return {*state_, {.what = read_request::kind::exactly, .size = size}};
}

frame_stream::read_operation frame_stream::read_until(std::string_view delimiter) {
    if (delimiter.empty())
        throw std::invalid_argument("read_until: the delimiter is empty");
    return {
        *state_,
        {.what = read_request::kind::until, .size = delimiter.size(), .delimiter = delimiter.data()}
    };
}

frame_stream::wait_operation frame_stream::write_frame(frame_view body) {
    return write_frame({}, body);
}

frame_stream::wait_operation frame_stream::write_frame(frame_view header, frame_view body) {
    return {*state_, stream_event::writable, state_->write_frame(header, body)};
}

frame_stream::wait_operation frame_stream::write(frame_view raw) {
    return {*state_, stream_event::writable, state_->write(raw)};
}

frame_stream::wait_operation frame_stream::flush() {
    state_->flush_output();
    return {*state_, stream_event::flushed};
}

frame_stream::wait_operation frame_stream::closed() noexcept {
    return {*state_, stream_event::peer_gone};
}

void frame_stream::read_with(std::unique_ptr<codec> c) noexcept {
    state_->set_decoder(std::move(c));
}

void frame_stream::write_with(std::unique_ptr<codec> c) noexcept {
    state_->set_encoder(std::move(c));
}

void frame_stream::set_max_frame(std::size_t size) noexcept {
    state_->decoder().set_max_frame(size);
}

void frame_stream::set_max_send_frame(std::size_t size) noexcept {
    state_->encoder().set_max_frame(size);
}

void frame_stream::close() noexcept {
    state_->close();
}

void frame_stream::abort() noexcept {
    state_->abort();
}

const stream_limits& frame_stream::limits() const noexcept {
    return state_->limits();
}

const endpoint& frame_stream::peer() const noexcept {
    return state_->peer();
}

endpoint frame_stream::local() const noexcept {
    return state_->local();
}

bool frame_stream::draining() const noexcept {
    return state_->draining();
}

std::size_t frame_stream::queued() const noexcept {
    return state_->queued();
}

std::size_t frame_stream::unacknowledged() const noexcept {
    return state_->unacknowledged();
}

std::uint64_t frame_stream::file_received() const noexcept {
    return state_->file_received();
}

std::uint64_t frame_stream::file_sent() const noexcept {
    return state_->file_sent();
}

mailbox frame_stream::sender() const {
    return mailbox(state_->sender());
}

// ---- the operations

bool frame_stream::read_operation::ready() {
    return waiting_.stream->try_read(request_, next_);
}

bool frame_stream::read_operation::never_completes() const noexcept {
    return waiting_.stream->running_away();
}

void frame_stream::read_operation::start(
    stream_state& stream, const read_request& request, completion<signature> handler
) {
    stream.read(request, std::move(handler));
}

void frame_stream::read_operation::go_on(stream_state& stream, completion<signature> handler) {
    stream.wait_read(std::move(handler));
}

bool frame_stream::wait_operation::asked() {
    return !never_completes() && stream_->happened(event_);
}

bool frame_stream::wait_operation::never_completes() const noexcept {
    return stream_->running_away();
}

void frame_stream::wait_operation::start(
    stream_state& stream, stream_event event, completion<signature> handler
) {
    stream.wait(event, std::move(handler));
}

}  // namespace coserve
