/// \file
/// The services that come with coserve.
#pragma once

#include <coserve/registry.hpp>

namespace coserve {

/// Adds each under its own name: `echo`.
void add_bundled_services(registry&);

}  // namespace coserve
