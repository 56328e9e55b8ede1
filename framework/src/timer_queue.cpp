#include "timer_queue.hpp"

#include "core.hpp"

#include <algorithm>
#include <optional>

namespace coserve {

timer_queue::timer_queue(core& c) : core_(c), wake_(c.context()) {}

time_point timer_queue::now() noexcept {
    if (manual_)
        return now_;
    if (!now_known_ || !core_.in_turn()) {
        now_ = std::chrono::steady_clock::now();
        now_known_ = true;
    }
    return now_;
}

time_point timer_queue::after(duration time) noexcept {
    const time_point from = now();
    return time < timer::never - from ? from + time : timer::never;
}

void timer_queue::arm(timer& t, time_point deadline) {
    if (deadline == timer::never)
        return disarm(t);
    if (t.deadline_ == timer::never)
        ++armed_;
    t.deadline_ = deadline;
    if (t.index_ != timer::unqueued) {
        if (deadline < t.queued_) {
            t.queued_ = deadline;
            sift_up(t.index_);
        }
    } else {
        insert(t, deadline);
    }
    wait();
}

void timer_queue::disarm(timer& t) noexcept {
    if (t.deadline_ == timer::never)
        return;
    t.deadline_ = timer::never;
    if (--armed_ == 0)
        core_.settle();
}

void timer_queue::forget(timer& t) noexcept {
    disarm(t);
    if (t.index_ != timer::unqueued)
        take_out(t);
}

void timer_queue::wait() {
    if (manual_ || heap_.empty() || heap_.front()->queued_ >= wake_at_)
        return;
    wake_at_ = heap_.front()->queued_;
    wake_.expires_at(wake_at_);
    wake_.async_wait([this](error_code error) {
        if (error)
            return;
        wake_at_ = time_point::min();  // what is set meanwhile need not be waited for yet
        fire();
        wake_at_ = timer::never;
        wait();
        if (armed_ == 0)
            core_.settle();
    });
}

void timer_queue::stop_waiting() noexcept {
    if (wake_at_ == timer::never)
        return;
    wake_at_ = timer::never;
    wake_.cancel();
}

void timer_queue::fire() {
    std::optional<core::turn> turn;  // or within one, where a clock is set by hand
    if (!core_.in_turn())
        turn.emplace(core_);
    const time_point now = this->now();
    while (!heap_.empty() && heap_.front()->queued_ <= now) {
        timer& t = *heap_.front();
        take_out(t);
        if (t.deadline_ > now) {  // it was put off meanwhile
            if (t.deadline_ != timer::never)
                insert(t, t.deadline_);
            continue;
        }
        t.deadline_ = timer::never;
        --armed_;
        t.on_timer();
    }
}

void timer_queue::stop_clock() {
    now_ = now();
    manual_ = true;
    stop_waiting();
}

// From deadline to deadline, so that each is told at its own time, and what it sets in turn too.
void timer_queue::advance(duration by) {
    const time_point end = now_ + by;
    while (!heap_.empty() && heap_.front()->queued_ <= end) {
        now_ = std::max(now_, heap_.front()->queued_);
        fire();
    }
    now_ = std::max(now_, end);
}

void timer_queue::shutdown() noexcept {
    for (timer* t : heap_) {
        t->index_ = timer::unqueued;
        t->deadline_ = timer::never;
    }
    heap_.clear();
    armed_ = 0;
}

void timer_queue::insert(timer& t, time_point at) {
    heap_.push_back(&t);
    t.queued_ = at;
    t.index_ = heap_.size() - 1;
    sift_up(t.index_);
}

void timer_queue::take_out(timer& t) noexcept {
    const std::size_t hole = t.index_;
    t.index_ = timer::unqueued;
    timer* const last = heap_.back();
    heap_.pop_back();
    if (last == &t)
        return;
    place(hole, last);
    sift_up(hole);
    sift_down(last->index_);
}

void timer_queue::place(std::size_t index, timer* t) noexcept {
    heap_[index] = t;
    t->index_ = index;
}

void timer_queue::sift_up(std::size_t index) noexcept {
    timer* const t = heap_[index];
    while (index > 0 && t->queued_ < heap_[(index - 1) / 2]->queued_) {
        place(index, heap_[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    place(index, t);
}

void timer_queue::sift_down(std::size_t index) noexcept {
    timer* const t = heap_[index];
    for (;;) {
        std::size_t child = 2 * index + 1;
        if (child >= heap_.size())
            break;
        if (child + 1 < heap_.size() && heap_[child + 1]->queued_ < heap_[child]->queued_)
            ++child;
        if (t->queued_ <= heap_[child]->queued_)
            break;
        place(index, heap_[child]);
        index = child;
    }
    place(index, t);
}

}  // namespace coserve
