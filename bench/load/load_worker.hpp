/// \file
/// One thread of the load, whatever it speaks.
#pragma once

#include "outcome.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>

namespace coserve_bench {

using clock = std::chrono::steady_clock;

/// What all threads are told while they run.
struct schedule {
    clock::time_point start;  ///< of the load, warm-up included; set before `load()`
    std::atomic<clock::time_point> begin = clock::time_point::max();  ///< the warm-up is over
    std::atomic<clock::time_point> end = clock::time_point::max();    ///< nothing more is sent
};

/// Thread: `connect()`, then `load()`, on one thread; `completed()` from any.
class load_worker {
public:
    load_worker() = default;
    load_worker(const load_worker&) = delete;
    load_worker& operator=(const load_worker&) = delete;
    virtual ~load_worker() = default;

    /// Those that fail are counted.
    virtual void connect() = 0;
    /// Until every reply has come, or none came for the plan's timeout. Leaves the connections
    /// open, so that what the server does at their end is not counted.
    virtual void load() = 0;

    std::uint64_t completed() const noexcept { return completed_.load(std::memory_order_relaxed); }

    const outcome& result() const noexcept { return outcome_; }

    clock::time_point last_reply() const noexcept { return last_reply_; }

protected:
    void count_one(clock::time_point now) noexcept {
        last_reply_ = now;
        completed_.store(completed_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }

    outcome outcome_;
    clock::time_point last_reply_{};

private:
    std::atomic<std::uint64_t> completed_ = 0;
};

/// The `index`th of so many threads' part of `all`.
inline std::uint64_t share(std::uint64_t all, std::size_t index, std::size_t threads) {
    return all * (index + 1) / threads - all * index / threads;
}

}  // namespace coserve_bench
