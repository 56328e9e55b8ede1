/// \file
/// One thread of a load, whatever it speaks.
#pragma once

#include "plan.hpp"
#include "results/recorder.hpp"
#include "schedule.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace coserve_bench {

/// Thread: `connect()`, then `load()`, on one thread; `completed()` from any; all else after that.
class load_worker {
public:
    load_worker(const schedule& s, recorder::loop loop, bool keeps_samples)
        : record_(s, loop, keeps_samples) {}
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
    void count_one(clock::time_point now) noexcept {
        last_reply_ = now;
        completed_.store(completed_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }

    recorder record_;
    clock::time_point last_reply_{};

private:
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
