/// \file
/// Whether the tool, and not the server, was the limit.
#pragma once

#include "results/latency_histogram.hpp"

#include <string>
#include <vector>

namespace coserve_bench {

/// What the busiest thread did with its time: parts of it, 0 to 1.
struct busiest_thread {
    double ran = 0;
    double waited = 0;  ///< for a processor that others had
};

/// Why the figures say more of this tool than of the server, in sentences; empty: they do not.
/// `slip`: how late it was with sends that had their time.
std::vector<std::string> tool_limits(const busiest_thread&, const latency_histogram& slip);

}  // namespace coserve_bench
