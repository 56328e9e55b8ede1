/// \file
/// A request that was answered, for those who want all of them.
#pragma once

#include <coserve/units.hpp>

namespace coserve_bench {

struct sample {
    coserve::duration intended, service;
};

}  // namespace coserve_bench
