/// \file
/// Two sides of runs as a page.
#pragma once

#include "results/comparison.hpp"

#include <string>
#include <vector>

namespace coserve_bench {

struct comparison_sides {
    std::vector<run_result> a, b;
};

/// Of all runs of both sides.
std::vector<std::string> plan_differences(const comparison_sides&);

/// What differs and what is noise, and all runs' curves over each other.
std::string comparison_page(const comparison_sides&, const std::vector<compared>&);

}  // namespace coserve_bench
