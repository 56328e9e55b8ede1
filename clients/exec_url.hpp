/// \file
/// Where `coserve exec` connects to, and which wire it speaks there.
#pragma once

#include "server_url.hpp"

#include "protocol/exec_wire.hpp"

#include <string>

namespace coserve_client {

struct exec_url {
    coserve::exec_wire wire = coserve::exec_wire::native;
    server_url server;
};

/// `wire` (empty: none) is short for that key in the URL's query.
/// Errors: `coserve::configuration_error`, also where the two contradict each other.
exec_url parse_exec_url(const std::string& url, const std::string& wire);

}  // namespace coserve_client
