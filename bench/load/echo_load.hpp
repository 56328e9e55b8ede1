/// \file
/// Runs the echo load: connect, warm up, count.
#pragma once

#include "outcome.hpp"
#include "plan.hpp"

#include <functional>

namespace coserve_bench {

/// How far a run is.
struct progress {
    double part = 0;  ///< of the whole, warm-up included; 0 to 1
    double rate = 0;  ///< replies in the last second, or since the start
    bool warming_up = false;
};

/// Calls `told` a few times a second.
///
/// Errors: `coserve::configuration_error` for what is wrong in the plan's URL. What the server or the
/// network did wrong is counted.
result run_echo_load(const plan&, const std::function<void(const progress&)>& told);

}  // namespace coserve_bench
