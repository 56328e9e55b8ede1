// A socket on a network in memory, as a transport.
#pragma once

#include "../datagram_transport.hpp"

#include <coserve/testing/memory_datagrams.hpp>

#include <memory>

namespace coserve::testing {

// Several may share an address.
std::unique_ptr<datagram_transport>
make_memory_datagram_transport(const memory_datagrams&, const endpoint& at);

}  // namespace coserve::testing
