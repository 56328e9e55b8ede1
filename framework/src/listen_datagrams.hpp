// Sockets that datagrams come to.
#pragma once

#include "unique_fd.hpp"

#include <coserve/limits.hpp>
#include <coserve/url.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace coserve {

struct bound_datagrams {
    std::vector<unique_fd> sockets;  // one for each core, on one port
    std::string url;                 // with the real port
};

// One for each address that the host resolves to and this machine has. A port that anybody has
// already, another coserved included, is an error. Errors: boost::system::system_error that names
// the address.
std::vector<bound_datagrams>
bind_datagrams(const endpoint_url&, std::size_t cores, const datagram_limits&);

}  // namespace coserve
