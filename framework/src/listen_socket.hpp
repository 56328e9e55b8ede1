// Sockets that listen.
#pragma once

#include "unique_fd.hpp"

#include <coserve/url.hpp>

#include <string>
#include <vector>

namespace coserve {

struct listening {
    unique_fd socket;
    std::string url;          // with the real port
    std::string unlink_path;  // of a Unix socket
};

// One for each address that the host resolves to and this machine has. Errors:
// boost::system::system_error that names the address.
std::vector<listening> listen_at(const endpoint_url&, int backlog);

}  // namespace coserve
