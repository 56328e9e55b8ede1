/// \file
/// A sweep as a page.
#pragma once

#include "results/sweep.hpp"

#include <string>

namespace coserve_bench {

/// Latency over throughput, asked and answered rates, and the figures of each step.
std::string sweep_page(const sweep_result&);

}  // namespace coserve_bench
