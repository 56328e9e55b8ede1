/// \file
/// `coserve upload`: sends files.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>

namespace coserve_client {

/// Adds the subcommand; where it is given, `chosen` becomes what runs it.
/// Errors: (of what runs it) `coserve::configuration_error`, `failure`.
void add_upload_command(CLI::App&, std::function<void()>& chosen);

}  // namespace coserve_client
