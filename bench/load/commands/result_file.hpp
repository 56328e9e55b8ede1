/// \file
/// A file that `--json` wrote: a run, or a sweep.
#pragma once

#include "results/run_result.hpp"
#include "results/sweep.hpp"

#include <string>
#include <variant>

namespace coserve_bench {

/// Errors: `coserve::configuration_error`, which says what is wrong, and where.
std::variant<run_result, sweep_result> read_result(const std::string& path);

}  // namespace coserve_bench
