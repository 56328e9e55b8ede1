/// \file
/// A run's seconds as a table, for spreadsheets.
#pragma once

#include "run_result.hpp"

#include <string>

namespace coserve_bench {

/// RFC 4180 with a line of names; bench/README.md describes the columns.
std::string run_csv(const run_result&);

/// Every request that was answered, where the run kept them: its latency from its intended time and
/// from its sending, in nanoseconds.
std::string samples_csv(const run_result&);

}  // namespace coserve_bench
