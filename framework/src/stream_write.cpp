// The writing side of stream_state.
#include "mailbox_state.hpp"
#include "stream_state.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace coserve {

namespace {

// From this size on a payload is not copied where the kernel takes it at once.
constexpr std::size_t direct_payload = std::size_t{4} << 10;

iovec vector_of(std::span<const std::byte> bytes) noexcept {
    return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

std::array<std::span<const std::byte>, 4> parts_of(const envelope& e) noexcept {
    return {e.prefix(), e.payload[0], e.payload[1], std::as_bytes(std::span(e.suffix))};
}

}  // namespace

bool stream_state::write_frame(frame_view header, frame_view body) {
    if (!ready_to_queue())
        return false;
    envelope e;
    if (const error_code error = encoder_->encode(header, body, e)) {
        std::string detail(encoder_->complaint());
        if (detail.empty())
            detail = "a frame of " + std::to_string(header.size() + body.size()) + " bytes";
        throw system_error(error, detail);
    }
    return queue(e);
}

bool stream_state::write(frame_view raw) {
    if (!ready_to_queue())
        return false;
    envelope e;
    e.payload[0] = raw;
    return queue(e);
}

bool stream_state::ready_to_queue() {
    if (running_away())
        return false;
    throw_write_failure();
    if (phase_ == phase::open)
        return true;
    ++spent_;
    throw system_error(make_error_code(errc::closed));
}

void stream_state::throw_write_failure() {
    if (!write_failure_)
        return;
    ++spent_;
    std::rethrow_exception(write_failure_);
}

// A frame of the maximum always has room above what may be queued; it may be as large as it likes.
bool stream_state::overflows(std::size_t size) const noexcept {
    const std::size_t all = output_.size() + size;
    const std::size_t queued = 4 * limits_->high_water;
    return all > queued && all - queued > encoder_->max_frame();
}

bool stream_state::queue(const envelope& e) {
    const std::size_t size = e.size();
    if (!output_.empty() && overflows(size))
        throw system_error(
            make_error_code(errc::output_overflow),
            std::to_string(output_.size()) + " bytes are queued"
        );
    if (writable_ && !output_held_ && e.payload[0].size() + e.payload[1].size() >= direct_payload)
        send_directly(e);
    else
        copy(e, 0);
    if (write_failure_)
        return false;  // the next operation throws it, what this call returns being one
    if (output_.size() >= limits_->high_water)
        flush_output();
    if (!writable_ || output_.empty())
        after_sending();
    request_flush();
    return output_.size() <= limits_->high_water && !write_failure_;
}

void stream_state::send_directly(const envelope& e) {
    std::array<iovec, 5> vectors{vector_of(output_.data())};
    std::size_t count = output_.empty() ? 0 : 1;
    for (const auto part : parts_of(e))
        if (!part.empty())
            vectors[count++] = vector_of(part);
    const std::size_t queued = output_.size();
    const std::size_t sent = send(std::span(vectors).first(count));
    if (write_failure_)
        return;
    output_.consume(std::min(sent, queued));
    copy(e, sent - std::min(sent, queued));
}

// All but what was sent of it.
void stream_state::copy(const envelope& e, std::size_t sent) {
    if (sent == e.size())
        return;
    std::byte* room = output_.extend(core_->buffers(), e.size() - sent);
    for (auto part : parts_of(e)) {
        const std::size_t skip = std::min(sent, part.size());
        sent -= skip;
        part = part.subspan(skip);
        if (!part.empty())
            std::memcpy(room, part.data(), part.size());
        room += part.size();
    }
}

bool stream_state::ready_to_write() {
    throw_write_failure();
    return output_.size() <= limits_->high_water;
}

// At the latest when this turn ends; most often a read has done it by then.
void stream_state::request_flush() {
    if (!output_.empty() && writable_ && !output_held_ && !std::exchange(turn_end_asked_, true))
        core_->at_turn_end(*this);
}

void stream_state::flush_output() noexcept {
    if (output_.empty() || !writable_ || output_held_ || write_failure_)
        return;
    const iovec all = vector_of(output_.data());
    output_.consume(send({&all, 1}));
    after_sending();
}

// One system call. Returns how much the kernel took; what it refuses for good ends the connection.
std::size_t stream_state::send(std::span<const iovec> parts) noexcept {
    std::size_t size = 0;
    for (const iovec& part : parts)
        size += part.iov_len;
    const transfer t = transport_->write(parts);
    if (t.size < size)
        writable_ = false;
    if (t.error != 0 && t.error != EAGAIN)
        fail({t.error, boost::system::system_category()});
    else if (t.size != 0 && write_deadline_ != never)
        write_deadline_ = never;  // progress
    return t.size;
}

void stream_state::after_sending() noexcept {
    if (output_.empty())
        output_.release(core_->buffers());
    if (const bool blocked = !output_.empty();
        blocked != (write_deadline_ != never) && !write_failure_) {
        const duration allowed = limits_->write_timeout;
        write_deadline_ =
            blocked && allowed != duration::zero() ? core_->timers().now() + allowed : never;
        update_timer();
    }
    if (output_.size() <= limits_->low_water) {
        wake(stream_event::writable);
        if (mailbox_)
            mailbox_->deliver();
    }
    if (output_.empty()) {
        wake(stream_event::flushed);
        if (phase_ == phase::flushing)
            progress_close();
    }
}

// ---- the mailbox

std::shared_ptr<mailbox::state> stream_state::sender() {
    if (!mailbox_ && phase_ == phase::open) {
        mailbox_ = std::make_shared<mailbox::state>(core_->context(), 4 * limits_->high_water);
        mailbox_->attach(*this);
    }
    return mailbox_;
}

void stream_state::close_mailbox() noexcept {
    if (mailbox_)
        mailbox_->detach();
}

void stream_state::take_mail(const bytes& message) noexcept {
    try {
        write_frame({}, message);
    } catch (const std::exception& error) {
        if (observer_ && !write_failure_ && phase_ == phase::open)
            observer_->on_dropped_frame(error.what());
    }
}

}  // namespace coserve
