// UDP sockets, as a transport.
#pragma once

#include "datagram_transport.hpp"
#include "unique_fd.hpp"

#include <coserve/limits.hpp>

#include <memory>

namespace coserve {

// Not blocking, closed on exec, with the buffer that the limits ask for; -1 in errno's way.
unique_fd open_udp_socket(int family, const datagram_limits&) noexcept;

// Bound, or connected.
std::unique_ptr<datagram_transport> make_udp_transport(unique_fd);

}  // namespace coserve
