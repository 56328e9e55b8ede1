/// \file
/// The services that come with coserve.
#pragma once

#include <coserve/registry.hpp>

#include <string>

namespace coserve {

struct bundled_options {
    std::string upload_directory = "./uploads";  ///< where a listener of `upload` names no `dir`
};

/// Adds each under its own name: `echo`, `upload`, and `sink`, whose output is standard output.
void add_bundled_services(registry&, const bundled_options& = {});

}  // namespace coserve
