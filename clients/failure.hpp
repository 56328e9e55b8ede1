/// \file
/// How a command ends that does not succeed.
#pragma once

#include <exception>
#include <stdexcept>

namespace coserve_client {

/// The server, the network, or this machine did not do their part: exit code 1. Mistakes of the
/// user's are `coserve::configuration_error`: exit code 2.
class failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A remote command ended with a code of its own, which is this program's too, and there is nothing
/// to say about it.
class remote_exit : public std::exception {
public:
    explicit remote_exit(int c) noexcept : code(c) {}

    const char* what() const noexcept override { return "the remote command failed"; }

    int code;
};

}  // namespace coserve_client
