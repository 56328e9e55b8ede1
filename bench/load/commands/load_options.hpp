/// \file
/// The loads as subcommands, with their flags.
#pragma once

#include "commands/load_arguments.hpp"

#include <CLI/CLI.hpp>

#include <functional>

namespace coserve_bench {

/// Adds the flags that make a load of that kind.
void add_load_options(CLI::App& subcommand, load_kind, load_arguments&);

/// Adds one subcommand a load; `added` is called for each, to add more flags. After parsing the one
/// that was chosen has set `load_arguments::load`.
void add_loads(CLI::App&, load_arguments&, const std::function<void(CLI::App&)>& added);

/// As many descriptors as this process may have.
/// Errors: `coserve::configuration_error` where that is not enough.
void raise_descriptor_limit(std::size_t connections);

}  // namespace coserve_bench
