/// \file
/// The services that come with coserve.
#pragma once

#include <coserve/registry.hpp>

namespace coserve {

/// Adds each under its own name: `echo`, and `sink`, whose output is standard output.
void add_bundled_services(registry&);

}  // namespace coserve
