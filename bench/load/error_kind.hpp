/// \file
/// What people count errors by.
#pragma once

#include <coserve/error.hpp>

#include <string>

namespace coserve_bench {

/// Of an error, as a JSON key.
std::string kind_of(const coserve::error_code&);

}  // namespace coserve_bench
