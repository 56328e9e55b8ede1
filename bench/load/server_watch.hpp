/// \file
/// The server's processor time and memory, over a run.
#pragma once

#include "results/run_result.hpp"
#include "schedule.hpp"

#include <cstdint>
#include <optional>
#include <vector>

#include <sys/types.h>

namespace coserve_bench {

/// A process on this machine, or none.
class server_watch {
public:
    explicit server_watch(std::optional<pid_t> pid) : pid_(pid) {}

    /// Before the run has a connection.
    void before();
    /// What it uses from now on counts.
    void begin(clock::time_point now);
    /// A few times a second.
    void look(clock::time_point now);
    /// Now, and into the result.
    void end(clock::time_point now, run_result&);

    std::optional<std::uint64_t> memory_before() const noexcept { return memory_before_; }

private:
    void sample(clock::time_point now);

    std::optional<pid_t> pid_;
    std::optional<std::uint64_t> memory_before_;
    std::optional<coserve::duration> cpu_begin_;
    clock::time_point began_{}, next_{};
    std::vector<server_sample> samples_;
};

}  // namespace coserve_bench
