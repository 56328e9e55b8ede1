// How a stream_state ends: flush, FIN, read and drop until the peer's FIN, close. Closing with
// unread input would be a reset, and the peer would lose what it had not read yet.
#include "mailbox_state.hpp"
#include "stored_handler.hpp"
#include "stream_state.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <sys/epoll.h>
#include <utility>

namespace coserve {

using namespace std::chrono_literals;

namespace {

// From when the peer has acknowledged all output.
constexpr duration linger_time = 2s;
constexpr std::size_t linger_bytes = std::size_t{1} << 20;
// The kernel does not tell when output is acknowledged: it is asked, at first soon, then less
// often.
constexpr duration first_poll = 5ms, last_poll = 250ms;

}  // namespace

void stream_state::close() noexcept {
    if (phase_ != phase::open)
        return;
    phase_ = phase::flushing;
    close_mailbox();
    fail_read(std::make_exception_ptr(system_error(make_error_code(errc::closed))));
    progress_close();
}

void stream_state::abort() noexcept {
    if (phase_ == phase::closed)
        return;
    close_mailbox();
    const auto why = std::make_exception_ptr(system_error(asio::error::operation_aborted));
    if (!read_failure_)
        read_failure_ = why;
    if (!write_failure_)
        write_failure_ = why;
    fail_read(why);
    finish_close(true);
}

void stream_state::progress_close() noexcept {
    if (write_failure_)
        return finish_close(true);
    if (!output_.empty()) {
        flush_output();  // comes back here when all is sent
        if (phase_ == phase::flushing && readable_)
            drop_input();
        return;
    }
    if (ended_)
        return finish_close(false);  // sends the FIN
    phase_ = phase::lingering;
    transport_->shutdown_write();
    linger_ = std::make_unique<linger>();
    linger_->progress = core_->timers().now();
    linger_->unacknowledged = transport_->unacknowledged();
    linger_->poll = first_poll;
    check_linger();
    if (phase_ == phase::lingering && readable_)
        drop_input();
}

// Input that nobody will read. It does not count until the peer has acknowledged all output.
void stream_state::drop_input() noexcept {
    if (phase_ == phase::closed || pulled_turn_ == core_->turn_number()) {
        if (phase_ != phase::closed)
            core_->readiness().tell_later(*this, EPOLLIN);
        return;
    }
    pulled_turn_ = core_->turn_number();
    const block scratch = core_->buffers().take(buffer_pool::normal);
    const transfer t = transport_->read({scratch.data, scratch.size});
    core_->buffers().give(scratch);
    if (t.error == EAGAIN) {
        readable_ = false;
        return;
    }
    if (t.error != 0) {
        fail({t.error, boost::system::system_category()});
        return;
    }
    if (t.size == 0) {
        ended_ = peer_gone_ = true;
        readable_ = false;
        if (phase_ == phase::lingering)
            finish_close(false);
        return;
    }
    if (linger_ && linger_->acknowledged != never && (linger_->dropped += t.size) > linger_bytes)
        return finish_close(false);
    readable_ = t.size == scratch.size || peer_gone_ || urgent_;
    if (readable_)
        core_->readiness().tell_later(*this, EPOLLIN);
}

// Until all output is acknowledged, only no progress ends the wait; from then on its own time does.
void stream_state::check_linger() noexcept {
    linger& l = *linger_;
    const time_point now = core_->timers().now();
    if (l.acknowledged == never) {
        const std::size_t left = transport_->unacknowledged();
        if (left != std::exchange(l.unacknowledged, left))
            l.progress = now;
        if (left == 0)
            l.acknowledged = now;
        else if (limits_->write_timeout != duration::zero() &&
                 now >= l.progress + limits_->write_timeout)
            return finish_close(true);
    }
    if (l.acknowledged == never) {
        l.deadline = now + l.poll;
        l.poll = std::min(2 * l.poll, last_poll);
    } else {
        l.deadline = l.acknowledged + linger_time;
        if (now >= l.deadline)
            return finish_close(false);
    }
    update_timer();
}

void stream_state::finish_close(bool reset) noexcept {
    if (phase_ == phase::closed)
        return;
    phase_ = phase::closed;
    reset ? transport_->reset() : transport_->close();
    read_deadline_ = write_deadline_ = never;
    linger_.reset();
    core_->timers().disarm(*this);
    output_.release(core_->buffers());
    writable_ = readable_ = false;
    for (const auto what :
         {stream_event::writable,
          stream_event::flushed,
          stream_event::sendable,
          stream_event::peer_gone,
          stream_event::closed})
        wake(what);
    if (orphaned_)
        die();
}

// What the kernel said about the connection: nothing more can be read or written.
void stream_state::fail(error_code error) noexcept {
    const auto why = std::make_exception_ptr(system_error(error));
    if (!read_failure_)
        read_failure_ = why;
    write_failure_ = why;
    close_mailbox();
    peer_gone_ = true;
    output_.release(core_->buffers());
    write_deadline_ = never;
    fail_read(why);
    for (const auto what :
         {stream_event::writable,
          stream_event::flushed,
          stream_event::sendable,
          stream_event::peer_gone})
        wake(what);
    if (phase_ != phase::open)
        finish_close(true);
}

void stream_state::release_input() noexcept {
    delivered_ = 0;
    input_.release(core_->buffers());
}

void stream_state::let_go() noexcept {
    if (!core_)
        return free();
    release_input();
    observer_ = nullptr;
    orphaned_ = true;
    if (phase_ == phase::closed)
        die();
    else
        close();
}

// Something may still be on its way through this object: it is freed at the end of the turn.
void stream_state::die() noexcept {
    if (std::exchange(dead_, true))
        return;
    close_mailbox();
    core_->timers().forget(*this);
    core_->dismiss(*this);
    if (!std::exchange(turn_end_asked_, true))
        core_->at_turn_end(*this);
}

// Without a core: now, or when it tells of the end of the turn that was asked for.
void stream_state::free() noexcept {
    if (turn_end_asked_)
        dead_ = true;
    else
        delete this;
}

void stream_state::begin_drain() {
    if (draining_ || phase_ != phase::open || !core_)
        return;
    draining_ = true;
    // What another thread takes meanwhile cannot be counted before it gives the input back.
    if (input_lent_)
        drain_uncounted_ = true;
    else
        drain_left_ = unread();
    if (!reader_)
        return;
    try {
        std::optional<frame> next;
        if (find_next(next)) {
            disarm_read();
            post_completion(core_->context(), release_handler(reader_), std::exception_ptr(), next);
        }
    } catch (...) {
        fail_read(std::current_exception());
    }
}

}  // namespace coserve
