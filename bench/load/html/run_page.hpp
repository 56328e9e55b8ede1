/// \file
/// Runs as a page.
#pragma once

#include "results/run_result.hpp"

#include <string>
#include <vector>

namespace coserve_bench {

struct named_run {
    std::string name;  ///< its file's, or empty
    run_result run;
};

/// Each run with its figures and charts; where there are several, first all of them over each
/// other.
std::string run_page(const std::vector<named_run>&);

/// Parts that other pages have, too.
std::string plan_table(const boost::json::object& plan);

}  // namespace coserve_bench
