// Between a member and the server.
#pragma once

#include <coserve/endpoint.hpp>

namespace coserve {

// Whom a datagram is from, and which of the server's addresses it came to: what that one is told
// leaves from there.
struct chat_path {
    const endpoint& peer;
    const endpoint& local;
};

}  // namespace coserve
