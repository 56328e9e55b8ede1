/// \file
/// `coserve chat`: a member of a room, at a terminal or in a pipe.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>

namespace coserve_client {

/// Adds the subcommand; where it is given, `chosen` becomes what runs it.
/// Errors: (of what runs it) `coserve::configuration_error`, `failure`.
void add_chat_command(CLI::App&, std::function<void()>& chosen);

}  // namespace coserve_client
