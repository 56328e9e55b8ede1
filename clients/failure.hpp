/// \file
/// How a command ends that does not succeed.
#pragma once

#include <stdexcept>

namespace coserve_client {

/// The server, the network, or this machine did not do their part: exit code 1. Mistakes of the
/// user's are `coserve::configuration_error`: exit code 2.
class failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace coserve_client
