/// \file
/// A result, for people and for programs.
#pragma once

#include "plan.hpp"
#include "results/run_result.hpp"

#include <string>

namespace coserve_bench {

/// A few lines: requests, their rate, how long replies took.
std::string summary(const plan&, const run_result&);

/// One line that says how many connections failed, by kind, and why the first did; empty where none
/// did.
std::string failures(const plan&, const run_result&);

/// One object; its members are described in bench/README.md.
std::string json_report(const plan&, const run_result&);

}  // namespace coserve_bench
