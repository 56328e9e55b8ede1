// TCP and Unix stream sockets.
#pragma once

#include "transport.hpp"
#include "unique_fd.hpp"

#include <memory>

namespace coserve {

// A connected, non-blocking socket.
std::unique_ptr<transport> make_socket_transport(unique_fd, const endpoint& peer);

// The address of a socket's other end, or the process there for a Unix socket.
endpoint peer_of(int socket) noexcept;
endpoint local_of(int socket) noexcept;

}  // namespace coserve
