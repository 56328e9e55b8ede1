/// \file
/// Tells other programs where the listeners are.
#pragma once

#include <span>
#include <string>

namespace coserved {

struct bound_listener {
    std::string service;
    std::string url;  ///< with the real port
};

/// Writes `[{"service": ..., "url": ...}, ...]`. A reader sees the whole of it or none.
/// Errors: `std::system_error` that names the file.
void write_ports_file(const std::string& path, std::span<const bound_listener>);

}  // namespace coserved
