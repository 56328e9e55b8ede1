/// \file
/// The threads of a run.
#pragma once

#include "loads/load_worker.hpp"
#include "plan.hpp"
#include "process_use.hpp"
#include "results/sample.hpp"
#include "results/tally.hpp"
#include "schedule.hpp"
#include "tool_limits.hpp"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <latch>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <sys/types.h>

namespace coserve_bench {

/// Has each worker of a plan on a thread of its own, and leads them through the run.
class crew {
public:
    /// They begin to connect.
    explicit crew(const plan&);

    /// Returns when every connection is made or has failed.
    void connect() { connected_.wait(); }

    /// They begin to send.
    void go();

    /// The ramp and the warm-up are over: what the threads do counts from now on.
    void begin();

    /// Nothing more is due.
    void stop() noexcept { schedule_.end = clock::now(); }

    const schedule& times() const noexcept { return schedule_; }

    /// True: all have ended.
    bool wait_until(clock::time_point);

    /// Replies so far.
    std::uint64_t completed() const;

    clock::time_point last_reply() const;

    /// Joins the threads. Once.
    /// Errors: what a thread threw.
    tally finish();

    /// Of all threads, where the plan keeps them; after `finish()`.
    std::vector<sample> samples() const;

    /// Since `begin()`; after `finish()`.
    busiest_thread busiest() const;

private:
    struct member {
        std::unique_ptr<load_worker> worker;
        pid_t thread = 0;
        thread_use before{}, after{};
        clock::time_point ended{};
    };

    void work(member&) noexcept;
    void keep_error();

    const plan& plan_;
    schedule schedule_;
    std::latch connected_, go_{1};
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t ended_ = 0;
    std::exception_ptr error_;
    std::vector<member> members_;
    clock::time_point began_{};
    std::vector<std::jthread> threads_;
};

}  // namespace coserve_bench
