/// \file
/// The configuration file: TOML.
#pragma once

#include "settings.hpp"

#include <coserve/registry.hpp>

#include <string>

namespace coserved {

/// Top-level keys are the long flags without their dashes; a `[[listen]]` table has `service`,
/// `url`, and the keys of the URL's query.
///
///     cores = 2
///     [[listen]]
///     service = "echo"
///     url = "tcp://127.0.0.1:7700"
///     mode = "verbatim"
///     idle-timeout = "60s"
///
/// Errors: `coserve::configuration_error` that names the file and the line.
void read_config_file(const std::string& path, const coserve::registry&, settings&);

}  // namespace coserved
