/// \file
/// The services that come with coserve.
#pragma once

#include <coserve/registry.hpp>
#include <coserve/services/exec_policy.hpp>

#include <string>

namespace coserve {

/// Adds each under its own name: `chat`, of datagrams, `echo`, of streams and of datagrams, `exec`,
/// which runs what the policy allows, by default nothing, `sink`, whose output is standard output,
/// and `upload`, whose files go to `upload_directory` where a listener names no `dir`.
void add_bundled_services(
    registry&, const exec_policy& = {}, const std::string& upload_directory = "./uploads"
);

}  // namespace coserve
