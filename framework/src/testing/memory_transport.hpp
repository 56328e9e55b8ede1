// The two ends of a memory_wire, as transports.
#pragma once

#include "../transport.hpp"

#include <coserve/testing/memory_wire.hpp>

#include <memory>

namespace coserve::testing {

std::unique_ptr<transport> make_memory_transport(const memory_wire&, memory_wire::end);

}  // namespace coserve::testing
