/// \file
/// Runs a load: connect, ramp up, warm up, count.
#pragma once

#include "plan.hpp"
#include "results/run_result.hpp"

#include <functional>

namespace coserve_bench {

/// How far a run is.
struct progress {
    double part = 0;  ///< of the whole, warm-up included; 0 to 1
    double rate = 0;  ///< replies in the last moment
    bool warming_up = false;
};

/// Calls `told` a few times a second. The first SIGINT ends what is to be sent, the second the
/// program.
///
/// Errors: `coserve::configuration_error` for what is wrong in the plan. What the server or the
/// network did wrong is counted.
run_result run_load(const plan&, const std::function<void(const progress&)>& told);

}  // namespace coserve_bench
