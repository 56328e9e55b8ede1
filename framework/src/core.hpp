// What one core has: its io_context's readiness set, clock, deadlines and buffers, and the turns of
// its loop.
#pragma once

#include "buffer_pool.hpp"
#include "readiness.hpp"
#include "timer_queue.hpp"

#include <coserve/io.hpp>

#include <boost/asio/execution_context.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace coserve {

class blocking_threads;
class child_set;

// What lives on a core and is told when its context ends: it must then drop the handlers that wait
// on it (they own the coroutine, and that may own this) and not touch the core any more.
class resident {
public:
    resident(const resident&) = delete;
    resident& operator=(const resident&) = delete;

    virtual void on_shutdown() noexcept = 0;

protected:
    resident() = default;
    ~resident() = default;

private:
    friend class core;
    static constexpr std::size_t absent = static_cast<std::size_t>(-1);

    std::size_t index_ = absent;
};

// What has something left to do at the end of a turn.
class turn_end {
public:
    turn_end(const turn_end&) = delete;
    turn_end& operator=(const turn_end&) = delete;

    virtual void on_turn_end() noexcept = 0;

protected:
    turn_end() = default;
    ~turn_end() = default;
};

// A service of its io_context: made when first asked for, gone with it. Thread: on the core.
class core final : public asio::execution_context::service {
public:
    using key_type = core;
    static inline asio::execution_context::id id;

    static core& of(io_context&);

    explicit core(asio::execution_context&);
    ~core() override;

    io_context& context() noexcept { return context_; }

    timer_queue& timers() noexcept { return timers_; }

    class readiness& readiness() noexcept { return readiness_; }

    buffer_pool& buffers() noexcept { return buffers_; }

    // A batch of events is told within one: what asked for it is done at its end.
    class turn {
    public:
        explicit turn(core&) noexcept;
        turn(const turn&) = delete;
        turn& operator=(const turn&) = delete;
        ~turn();

    private:
        core& core_;
    };

    bool in_turn() const noexcept { return in_turn_; }

    // Counts up with every turn.
    std::uint64_t turn_number() const noexcept { return turn_number_; }

    // Once for each call, at the end of this turn; outside of turns, in one posted for it.
    void at_turn_end(turn_end&);

    void admit(resident&);
    void dismiss(resident&) noexcept;

    // Stops waiting where nothing is waited for.
    void settle() noexcept;

    // Threads for blocking work: shared ones where a server set them, else this core's own.
    blocking_threads& blocking();
    void set_blocking(std::shared_ptr<blocking_threads>) noexcept;

    child_set& children();

    child_set* children_if_any() noexcept { return children_.get(); }

private:
    void shutdown() override;
    void end_turn() noexcept;

    io_context& context_;
    timer_queue timers_;
    class readiness readiness_;
    buffer_pool buffers_;
    std::vector<resident*> residents_;
    std::vector<turn_end*> turn_ends_, ending_;
    std::shared_ptr<blocking_threads> blocking_;
    std::unique_ptr<child_set> children_;
    std::uint64_t turn_number_ = 0;
    bool in_turn_ = false, turn_posted_ = false, shut_down_ = false;
    std::atomic_flag entered_;  // one thread at a time, asserted
};

}  // namespace coserve
