/// \file
/// One thread of a load, whatever it speaks, and its share of the plan.
#pragma once

#include "plan.hpp"
#include "random.hpp"
#include "results/recorder.hpp"
#include "schedule.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace coserve_bench {

/// Thread: `connect()`, then `load()`, on one thread; `completed()` from any; all else after that.
class load_worker {
public:
    load_worker(const plan&, const schedule&, std::size_t index);
    load_worker(const load_worker&) = delete;
    load_worker& operator=(const load_worker&) = delete;
    virtual ~load_worker() = default;

    /// What is to be there before anything is sent. Connections that fail are counted.
    virtual void connect() = 0;
    /// Until every reply has come, or none is awaited any more. Leaves the connections open, so
    /// that what the server does at their end is not counted.
    virtual void load() = 0;

    /// Replies so far, those that do not count included.
    std::uint64_t completed() const noexcept { return completed_.load(std::memory_order_relaxed); }

    recorder& record() noexcept { return record_; }

    clock::time_point last_reply() const noexcept { return last_reply_; }

protected:
    bool open_loop() const noexcept { return plan_.rate != 0; }

    bool ramps() const noexcept { return plan_.ramp != coserve::duration::zero(); }

    /// How many may be sent whose time is `t`, of `wanted`; takes them.
    std::uint64_t take(clock::time_point t, std::uint64_t wanted) noexcept {
        if (schedule_.over(t))
            return 0;
        if (!plan_.requests || !schedule_.counts(t))
            return wanted;
        const std::uint64_t taken = std::min(wanted, requests_left_);
        requests_left_ -= taken;
        return taken;
    }

    bool may_send(clock::time_point t) noexcept { return take(t, 1) != 0; }

    /// When the `index`th connection of this thread is to begin: they grow over the ramp.
    clock::time_point ramped(std::size_t index) const noexcept;
    /// Without a ramp, at the plan's rate of connections.
    clock::time_point paced_since(clock::time_point begin, std::size_t index) const noexcept;

    void count_replies(clock::time_point now, std::uint64_t count = 1) noexcept {
        last_reply_ = now;
        completed_.store(completed() + count, std::memory_order_relaxed);
    }

    const plan& plan_;
    const schedule& schedule_;
    const std::size_t index_, first_, wanted_;  // connections
    std::uint64_t requests_left_;
    random_numbers random_;
    recorder record_;

private:
    clock::time_point last_reply_{};
    std::atomic<std::uint64_t> completed_ = 0;
};

/// Makes the `index`th of the plan's threads, which has its share of connections, requests and
/// rate.
using worker_factory = std::function<std::unique_ptr<load_worker>(std::size_t index)>;

/// Lifetime: the two must outlive the factory and its workers.
/// Errors: `coserve::configuration_error` for what is wrong in the plan; `coserve::system_error`
/// where the server's name cannot be resolved.
worker_factory workers_of(const plan&, const schedule&);

}  // namespace coserve_bench
