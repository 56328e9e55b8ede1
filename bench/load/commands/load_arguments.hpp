/// \file
/// A load's command line, as it was written, and the plan that it means.
#pragma once

#include "plan.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace coserve_bench {

/// Empty and 0: it was not written.
struct load_arguments {
    load_kind load = load_kind::echo;
    std::string url, time, warmup, ramp, timeout, reconnect, size, wire;
    std::string verify = "length";
    std::size_t connections = 0, depth = 1, threads = 1, rooms = 1;
    std::uint64_t requests = 0, seed = 1;
    double rate = 0, connect_rate = 0;
    pid_t pid = 0;
    bool shell = false, echoes = false, resets = false;
    std::vector<std::string> command;
};

/// How many connections a load has where nobody says.
std::size_t usual_connections(load_kind) noexcept;

/// Errors: `coserve::configuration_error`, which names the flag.
plan plan_of(const load_arguments&);

}  // namespace coserve_bench
