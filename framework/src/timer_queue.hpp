// The deadlines of one core, and its clock.
#pragma once

#include <coserve/io.hpp>
#include <coserve/sleep.hpp>
#include <coserve/units.hpp>

#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <vector>

namespace coserve {

class core;

// One deadline, kept by what it belongs to. Setting it later, or none at all, costs a store: its
// place in the queue is put right when it comes up.
class timer {
public:
    static constexpr time_point never = time_point::max();

    timer(const timer&) = delete;
    timer& operator=(const timer&) = delete;

    // In a turn, after the deadline, which is unset then.
    virtual void on_timer() noexcept = 0;

    time_point deadline() const noexcept { return deadline_; }

protected:
    timer() = default;
    ~timer() = default;

private:
    friend class timer_queue;
    static constexpr std::size_t unqueued = static_cast<std::size_t>(-1);

    time_point deadline_ = never;
    time_point queued_ = never;  // never later than the deadline, while it is in the queue
    std::size_t index_ = unqueued;
};

// Thread: on one core.
class timer_queue {
public:
    explicit timer_queue(core&);

    // Read once a turn.
    time_point now() noexcept;
    // That much later; `never` where the clock does not go so far.
    time_point after(duration) noexcept;

    void arm(timer&, time_point);  // `never` disarms
    void disarm(timer&) noexcept;
    void forget(timer&) noexcept;  // before it is destroyed

    std::size_t armed() const noexcept { return armed_; }

    // Nothing is waited for: lets the context's run() return.
    void stop_waiting() noexcept;

    void begin_turn() noexcept { now_known_ = false; }

    // The clock stands still from here on, and moves by advance() alone.
    void stop_clock();
    void advance(duration);

    void shutdown() noexcept;

private:
    void wait();
    void fire();
    void insert(timer&, time_point);
    void take_out(timer&) noexcept;
    void place(std::size_t index, timer*) noexcept;
    void sift_up(std::size_t index) noexcept;
    void sift_down(std::size_t index) noexcept;

    core& core_;
    asio::steady_timer wake_;
    time_point wake_at_ = timer::never;
    std::vector<timer*> heap_;
    std::size_t armed_ = 0;
    time_point now_{};
    bool now_known_ = false, manual_ = false;
};

}  // namespace coserve
