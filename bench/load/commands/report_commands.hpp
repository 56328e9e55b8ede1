/// \file
/// The commands that work on what runs have written.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>

namespace coserve_bench {

/// What the command line asks for; gives the exit code.
using command_action = std::function<int()>;

/// Each adds its subcommand, which sets the action where it is chosen. The action throws
/// `coserve::configuration_error` for files that are not what they should be, and
/// `std::runtime_error` where one cannot be written.
void add_report(CLI::App&, command_action&);
void add_compare(CLI::App&, command_action&);
void add_merge(CLI::App&, command_action&);
void add_sweep(CLI::App&, command_action&);

}  // namespace coserve_bench
