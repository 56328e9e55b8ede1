/// \file
/// The charts of a run, or of several over each other.
#pragma once

#include "chart.hpp"
#include "results/run_result.hpp"

#include <string>
#include <vector>

namespace coserve_bench {

/// Replies a second.
chart throughput_chart(const run_result&);

/// Percentiles of each second; in an open loop of the intended time, and the service time's p99
/// beside it.
chart latency_chart(const run_result&);

/// The server's processor time and memory, where they were looked at.
chart server_cpu_chart(const run_result&);
chart server_memory_chart(const run_result&);

/// A histogram in charts of several.
struct named_histogram {
    std::string name;
    const latency_histogram* latency;
    int color = 0;
    chart_line::dash pattern = chart_line::dash::none;
    bool in_legend = true;
};

/// Latency over the share of requests that are faster, on an axis that spreads the slowest.
chart percentile_chart(const std::vector<named_histogram>&);

/// How many requests took how long.
chart histogram_chart(const std::vector<named_histogram>&);

/// Axes that several charts have.
axis latency_axis(const std::string& label, scale::kind);
axis rate_axis(const std::string& label);

}  // namespace coserve_bench
