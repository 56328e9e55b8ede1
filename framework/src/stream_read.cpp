// The reading side of stream_state.
#include "stored_handler.hpp"
#include "stream_state.hpp"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <sys/epoll.h>
#include <utility>

namespace coserve {

namespace {

constexpr std::size_t least_room = std::size_t{4} << 10;

}  // namespace

bool stream_state::try_read(const read_request& request, std::optional<frame>& next) {
    if (running_away())
        return false;
    begin_read(request);
    if (find_next(next))
        return true;
    flush_output();
    if (read_failure_)
        std::rethrow_exception(read_failure_);
    return pull() && find_next(next);
}

void stream_state::wait_read(frame_handler h) {
    if (!core_)
        return;  // whoever waits for what has ended is dropped with it
    read_limit_ =
        request_->limit == duration::max() ? never : core_->timers().after(request_->limit);
    reader_ = std::move(h);
    on_cancel(reader_, [this] {
        fail_read(std::make_exception_ptr(system_error(asio::error::operation_aborted)));
    });
    await_input();
}

void stream_state::read(const read_request& request, frame_handler h) {
    if (!core_)
        return;
    if (running_away()) {
        asio::post(core_->context(), [dropped = std::move(h)] {});
        return;
    }
    std::optional<frame> next;
    try {
        if (!try_read(request, next)) {
            kept_request_ = std::make_shared<kept_request>(request);
            if (request.delimiter) {
                kept_request_->delimiter.assign(request.delimiter, request.size);
                kept_request_->request.delimiter = kept_request_->delimiter.data();
            }
            request_ = &kept_request_->request;
            return wait_read(std::move(h));
        }
    } catch (...) {
        return post_completion(core_->context(), std::move(h), std::current_exception(), next);
    }
    // By post: it asks here first, and would recurse. Until it goes on it is still the one reader.
    if (!kept_request_)
        kept_request_ = std::make_shared<kept_request>();
    kept_request_->handing_over = true;
    asio::post(core_->context(), [h = std::move(h), next, kept = kept_request_]() mutable {
        kept->handing_over = false;
        std::move(h)(std::exception_ptr(), next);
    });
}

void stream_state::begin_read(const read_request& request) {
    const bool for_file =
        request.what == read_request::kind::arrival || request.what == read_request::kind::piece;
    if (reader_ || (kept_request_ && kept_request_->handing_over) || (intake_ && !for_file))
        throw system_error(make_error_code(errc::concurrent_read));
    if (request.what == read_request::kind::header || request.what == read_request::kind::body)
        headers();
    request_ = &request;
    if (delivered_ != 0)
        input_.consume(std::exchange(delivered_, 0));
    searched_ = 0;
    if (read_failure_ || phase_ != phase::open) {
        ++spent_;
        if (read_failure_)
            std::rethrow_exception(read_failure_);
        throw system_error(make_error_code(errc::closed));
    }
}

// True: `next` is what was asked for, or nullopt at the end. Throws what ends the connection.
bool stream_state::find_next(std::optional<frame>& next) {
    if (read_failure_)
        std::rethrow_exception(read_failure_);
    bool found = false;
    const bool over = drained() && !comes_to_its_end();
    if (!over) {
        switch (request_->what) {
        case read_request::kind::body:
            if (headers().body_left() == 0) {
                next.reset();
                return true;
            }
            [[fallthrough]];
        case read_request::kind::frame:
        case read_request::kind::header:
            found = decode(next);
            break;
        case read_request::kind::arrival:
            if ((found = readable_))
                next.emplace(nullptr, 0);
            break;
        case read_request::kind::piece:
            found = find_piece(next);
            break;
        case read_request::kind::some:
            if ((found = !input_.empty()))
                next = deliver(0, input_.size(), input_.size());
            break;
        case read_request::kind::exactly:
            if ((found = input_.size() >= request_->size))
                next = deliver(0, request_->size, request_->size);
            break;
        case read_request::kind::until:
            found = find_delimiter(next);
            break;
        }
    }
    if (found)
        return true;
    if (!over) {
        if (!ended_)
            return false;
        if (const unfinished_frame f = begun(); !f.empty() || intake_)
            refuse_input(
                errc::truncated_frame,
                f.due != 0 ? std::to_string(f.have) + " of " + std::to_string(f.due) + " bytes"
                           : std::to_string(f.have) + " bytes"
            );
    }
    ++spent_;
    next.reset();
    return true;
}

// A body has no end before its end, not even where a drain would stop; nor has a file.
bool stream_state::comes_to_its_end() const {
    return intake_ || (request_->what == read_request::kind::body && headers().body_left() != 0);
}

bool stream_state::find_piece(std::optional<frame>& next) {
    const std::size_t size = std::min(input_.size(), request_->size);
    if (size == 0)
        return false;
    next = deliver(0, size, size);
    return true;
}

bool stream_state::decode(std::optional<frame>& next) {
    while (!input_.empty()) {
        const decoded d = look_at_input();
        switch (d.what) {
        case decoded::outcome::frame:
            next = deliver(d.offset, d.size, d.consumed);
            return true;
        case decoded::outcome::skipped:
            if (d.error && observer_)
                observer_->on_dropped_frame(claim(d) + ": " + d.error.message());
            input_.consume(d.consumed);
            count_part(d.consumed);
            break;
        case decoded::outcome::need_more:
            needed_ = d.needed;
            return false;
        case decoded::outcome::error:
            refuse_input(d.error, claim(d));
        }
    }
    return false;
}

decoded stream_state::look_at_input() {
    switch (request_->what) {
    case read_request::kind::header:
        return headers().decode_header(input_.data());
    case read_request::kind::body:
        return headers().decode_body(input_.data());
    default:
        return decoder_->decode(input_.data());
    }
}

header_codec& stream_state::headers() const {
    if (auto* const c = dynamic_cast<header_codec*>(decoder_.get()))
        return *c;
    throw system_error(make_error_code(errc::no_headers));
}

// What is known of a frame that is refused.
std::string stream_state::claim(const decoded& d) const {
    if (const auto complaint = decoder_->complaint(); !complaint.empty())
        return std::string(complaint);
    const std::string maximum = "the maximum being " + std::to_string(decoder_->max_frame());
    if (d.declared != 0)
        return "a frame of " + std::to_string(d.declared) + " bytes, " + maximum;
    return d.error == errc::frame_too_long ? maximum : "";
}

bool stream_state::find_delimiter(std::optional<frame>& next) {
    const std::string_view text(reinterpret_cast<const char*>(input_.data().data()), input_.size());
    const std::size_t length = request_->size;
    const std::size_t at = text.find(request_->delimiter, searched_, length);
    searched_ = std::min(at, text.size() - std::min(text.size(), length - 1));
    if (searched_ > decoder_->max_frame())
        refuse_input(
            errc::frame_too_long, "the maximum being " + std::to_string(decoder_->max_frame())
        );
    if (at == text.npos)
        return false;
    next = deliver(0, at, at + length);
    return true;
}

frame stream_state::deliver(std::size_t offset, std::size_t size, std::size_t used_up) noexcept {
    delivered_ = used_up;
    if (intake_)
        intake_->received += size;
    if (intake_ && intake_->of_body)
        headers().count_body(size);
    else if (request_->what >= read_request::kind::piece)  // a raw read
        decoder_->restart();
    if (request_->what == read_request::kind::body) [[unlikely]]
        count_part(used_up);
    else
        count_whole(used_up);
    return {input_.data().data() + offset, size};
}

// What was begun is whole, and a drain has so many bytes fewer to wait for.
void stream_state::count_whole(std::size_t size) noexcept {
    needed_ = 0;
    first_read_ = false;
    waiting_since_ = never;
    part_ = 0;
    drain_left_ -= std::min(drain_left_, size);
}

// Of a body, or of a frame that is dropped: its end, or as much as has a time of its own.
void stream_state::count_part(std::size_t size) noexcept {
    const std::uint64_t part = part_ + size;
    const time_point since = waiting_since_;
    const bool goes_on = decoder_->unfinished(0).have != 0;
    count_whole(size);
    if (goes_on && part < piece) {
        part_ = static_cast<std::uint32_t>(part);
        waiting_since_ = since;
    }
}

unfinished_frame stream_state::begun() const noexcept {
    switch (request_->what) {
    case read_request::kind::frame:
    case read_request::kind::header:
    case read_request::kind::body:
        return decoder_->unfinished(input_.size());
    case read_request::kind::exactly:
        return {input_.size(), request_->size};
    case read_request::kind::arrival:
    case read_request::kind::piece:
        return {intake_->received + input_.size(), intake_->size};
    case read_request::kind::some:
    case read_request::kind::until:
        return {input_.size(), 0};
    }
    return {};
}

void stream_state::refuse_input(const error_code& error, const std::string& detail) {
    read_failure_ =
        std::make_exception_ptr(detail.empty() ? system_error(error) : system_error(error, detail));
    std::rethrow_exception(read_failure_);
}

// One read a turn, so that no connection starves the others. True: there is more, or the end, or a
// failure.
bool stream_state::pull() {
    if (request_->what == read_request::kind::arrival)
        return readable_;
    if (!readable_ || pulled_turn_ == core_->turn_number())
        return false;
    pulled_turn_ = core_->turn_number();
    const auto room = input_.prepare(core_->buffers(), room_wanted());
    // With many connections these are not in the cache; the kernel takes longer than they to come.
    __builtin_prefetch(decoder_.get());
    __builtin_prefetch(encoder_.get());
    __builtin_prefetch(request_);
    const transfer t = transport_->read(room);
    // The next edge tells; but data and the end may have shared one, and a read stops at an urgent
    // byte, whatever stands behind it.
    if (t.error != 0 || t.size < room.size())
        readable_ = t.size != 0 && (peer_gone_ || urgent_);
    if (t.error == EAGAIN)
        return false;
    if (t.error != 0)
        fail({t.error, boost::system::system_category()});
    else if (t.size == 0)
        ended_ = peer_gone_ = true;
    input_.commit(t.size);
    return true;
}

// What is known to come, but at most as much again as there is: memory grows as bytes arrive, not
// as a header claims.
std::size_t stream_state::room_wanted() const noexcept {
    if (input_.capacity() < buffer_pool::normal)
        return buffer_pool::normal - input_.size();
    const std::size_t rest = needed_ > input_.size() ? needed_ - input_.size() : 0;
    return std::clamp(rest, least_room, std::max(least_room, input_.size()));
}

// In a turn, for the reader that waits.
void stream_state::serve_reader() {
    if (!pull())
        return await_input();
    if (!reader_)  // the connection failed, and the reader was told
        return;
    std::optional<frame> next;
    try {
        if (!find_next(next))
            return await_input();
    } catch (...) {
        return complete_read(std::current_exception(), std::nullopt);
    }
    complete_read(nullptr, next);
}

void stream_state::await_input() {
    arm_read();
    if (readable_)
        core_->readiness().tell_later(*this, EPOLLIN);
    else
        input_.shrink(core_->buffers());
}

// In a turn: the coroutine goes on within this call.
void stream_state::complete_read(std::exception_ptr error, std::optional<frame> next) {
    disarm_read();
    uncancel(reader_);
    std::move(reader_)(std::move(error), next);
}

// From within anything: the coroutine goes on later.
void stream_state::fail_read(std::exception_ptr error) noexcept {
    if (!reader_)
        return;
    disarm_read();
    post_completion(
        core_->context(), release_handler(reader_), std::move(error), std::optional<frame>()
    );
}

}  // namespace coserve
