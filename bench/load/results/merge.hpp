/// \file
/// Runs of several machines as one.
#pragma once

#include "run_result.hpp"

#include <vector>

namespace coserve_bench {

/// Runs that were made at the same time, at least one: what was counted is added up, second by
/// second, and so are connections, threads, rates and requests of the plans.
///
/// Errors: `coserve::configuration_error` where they are no parts of one: other loads, or open loops
/// beside closed ones.
run_result merged(const std::vector<run_result>&);

}  // namespace coserve_bench
