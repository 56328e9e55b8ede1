/// \file
/// The program's arguments.
#pragma once

#include "settings.hpp"

#include <coserve/registry.hpp>

#include <optional>

namespace coserved {

struct command_line {
    coserved::settings settings;
    bool check_only = false;
    std::string shown;  ///< not empty: what `--help` or `--version` asked to see, and nothing else
                        ///< is to be done
};

/// Reads the configuration file too, where one is named; what the command line says wins.
///
/// `services` are named in `--help`.
/// Errors: `coserve::configuration_error`, one line.
command_line read_command_line(int argc, char** argv, const coserve::registry& services);

}  // namespace coserved
