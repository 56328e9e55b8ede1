#include "stream_state.hpp"

#include "stored_handler.hpp"

#include <boost/asio/associated_executor.hpp>

#include <algorithm>
#include <sys/epoll.h>
#include <utility>

namespace coserve {

stream_state::stream_state(
    core& c,
    std::unique_ptr<transport> t,
    std::unique_ptr<codec> decoder,
    std::unique_ptr<codec> encoder,
    std::shared_ptr<const stream_limits> limits
)
    : core_(&c),
      transport_(std::move(t)),
      decoder_(std::move(decoder)),
      encoder_(std::move(encoder)),
      limits_(std::move(limits)) {
    transport_->watch(c, *this);
    c.admit(*this);
}

void stream_state::on_ready(std::uint32_t events) {
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        peer_gone_ = true;
        wake(stream_event::peer_gone);
    }
    if (events & EPOLLPRI)
        urgent_ = true;
    if (events & ~static_cast<std::uint32_t>(EPOLLOUT))
        readable_ = true;
    if ((events & EPOLLOUT) && !std::exchange(writable_, true)) {
        wake(stream_event::sendable);
        flush_output();
    }
    if (!readable_)
        return;
    if (phase_ != phase::open)
        drop_input();
    else if (reader_)
        serve_reader();
}

void stream_state::on_turn_end() noexcept {
    turn_end_asked_ = false;
    if (dead_)
        delete this;
    else if (core_)
        flush_output();
}

void stream_state::on_shutdown() noexcept {
    close_mailbox();
    core_->timers().forget(*this);
    transport_->close();
    release_input();
    output_.release(core_->buffers());
    core_ = nullptr;
    phase_ = phase::closed;
    // Last, because whoever waits may own this.
    const auto reader = std::exchange(reader_, {});
    const auto waiters = std::exchange(waiters_, {});
    if (orphaned_)
        free();
}

void stream_state::set_decoder(std::unique_ptr<codec> c) noexcept {
    c->set_max_frame(decoder_->max_frame());
    decoder_ = std::move(c);
    needed_ = 0;
}

void stream_state::set_encoder(std::unique_ptr<codec> c) noexcept {
    c->set_max_frame(encoder_->max_frame());
    encoder_ = std::move(c);
}

// ---- waiting for anything but input

bool stream_state::happened(stream_event what) {
    switch (what) {
    case stream_event::writable:
        return ready_to_write();
    case stream_event::flushed:
        throw_write_failure();
        return output_.empty();
    case stream_event::sendable:
        throw_write_failure();
        return writable_;
    case stream_event::peer_gone:
        return peer_gone_ || phase_ == phase::closed;
    case stream_event::closed:
        return phase_ == phase::closed;
    }
    return true;
}

void stream_state::wait(stream_event what, handler h) {
    if (!core_)
        return;
    if (running_away()) {
        asio::post(core_->context(), [dropped = std::move(h)] {});
        return;
    }
    try {
        if (happened(what))
            return post_completion(core_->context(), std::move(h), std::exception_ptr());
    } catch (...) {
        return post_completion(core_->context(), std::move(h), std::current_exception());
    }
    auto last = waiters_.before_begin();
    while (std::next(last) != waiters_.end())
        ++last;
    waiter& w = *waiters_.insert_after(last, waiter{what, std::move(h)});
    on_cancel(w.complete, [this, &w] {
        auto cancelled = release_handler(w.complete);
        waiters_.remove_if([&w](const waiter& other) { return &other == &w; });
        post_completion(
            core_->context(),
            std::move(cancelled),
            std::make_exception_ptr(system_error(asio::error::operation_aborted))
        );
    });
}

void stream_state::wake(stream_event what) noexcept {
    for (auto before = waiters_.before_begin(); std::next(before) != waiters_.end();) {
        waiter& here = *std::next(before);
        if (here.what != what) {
            ++before;
            continue;
        }
        const bool failed =
            write_failure_ && what != stream_event::peer_gone && what != stream_event::closed;
        auto woken = release_handler(here.complete);
        waiters_.erase_after(before);
        post_completion(core_->context(), std::move(woken), failed ? write_failure_ : nullptr);
    }
}

// ---- deadlines: one timer for all of them

void stream_state::arm_read() {
    time_point at = never;
    errc why = errc::timeout;
    const bool first = first_read_ && limits_->first_frame_timeout != duration::zero();
    duration allowed = first ? limits_->first_frame_timeout : limits_->idle_timeout;
    const unfinished_frame frame = begun();
    if (!frame.empty()) {
        // What is given in pieces, or dropped, is not held, and has its time for each of them.
        const bool in_pieces = frame.have > input_.size();
        const std::uint64_t size = std::max(frame.have, frame.due);
        allowed = limits_->time_for_frame(in_pieces ? std::min(size, piece) : size);
    }
    if (intake_ && limits_->frame_timeout != duration::zero())
        allowed = stream_limits::file_timeout;
    if (allowed != duration::zero()) {
        at = waiting_since(!frame.empty()) + allowed;
        why = !frame.empty() || intake_ ? errc::frame_timeout
              : first                   ? errc::first_frame_timeout
                                        : errc::idle_timeout;
    }
    if (read_limit_ < at) {
        at = read_limit_;
        why = errc::timeout;
    }
    read_deadline_error_ = why;
    if (at == read_deadline_)
        return;
    read_deadline_ = at;
    update_timer();
}

// When the reads that got nothing began to wait for the same. What passed between them was not the
// peer's time.
time_point stream_state::waiting_since(bool for_rest) {
    const time_point now = core_->timers().now();
    if (waiting_since_ == never || waiting_for_rest_ != for_rest)
        waiting_since_ = now;
    else if (waiting_paused_)
        waiting_since_ = now - waiting_since_.time_since_epoch();
    waiting_for_rest_ = for_rest;
    waiting_paused_ = false;
    return waiting_since_;
}

void stream_state::disarm_read() noexcept {
    if (read_deadline_ == never)
        return;
    if (waiting_since_ != never && !std::exchange(waiting_paused_, true))
        waiting_since_ = time_point(core_->timers().now() - waiting_since_);
    read_deadline_ = never;
    update_timer();
}

void stream_state::update_timer() noexcept {
    core_->timers().arm(
        *this, std::min({read_deadline_, write_deadline_, linger_ ? linger_->deadline : never})
    );
}

void stream_state::on_timer() noexcept {
    const time_point now = core_->timers().now();
    if (read_deadline_ <= now) {
        const auto why =
            std::make_exception_ptr(system_error(make_error_code(read_deadline_error_)));
        if (read_deadline_error_ != errc::timeout)
            read_failure_ = why;
        fail_read(why);
    }
    if (write_deadline_ <= now) {
        write_deadline_ = never;
        fail(errc::write_timeout);
    }
    if (linger_ && linger_->deadline <= now)
        check_linger();
    if (core_ && !dead_)
        update_timer();
}

}  // namespace coserve
