/// \file
/// What was asked, as it stands in a report.
#pragma once

#include "plan.hpp"

#include <boost/json/object.hpp>

namespace coserve_bench {

/// One object; its members are described in bench/README.md.
boost::json::object described(const plan&);

}  // namespace coserve_bench
