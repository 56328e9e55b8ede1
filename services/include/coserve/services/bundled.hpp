/// \file
/// The services that come with coserve.
#pragma once

#include <coserve/registry.hpp>
#include <coserve/services/exec_policy.hpp>

namespace coserve {

/// Adds each under its own name: `echo`, `exec`, which runs what the policy allows, by default
/// nothing, and `sink`, whose output is standard output.
void add_bundled_services(registry&, const exec_policy& = {});

}  // namespace coserve
