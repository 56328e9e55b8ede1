/// \file
/// Standard input as bytes, as they come.
#pragma once

#include "readable.hpp"

#include <coserve/frame.hpp>
#include <coserve/task.hpp>

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <optional>

namespace coserve_client {

class standard_input {
public:
    explicit standard_input(boost::asio::io_context&);

    /// What there is, at most so much, as soon as there is something; nullopt: the end.
    /// Errors: `failure`.
    /// Cancellation: throws, and nothing is lost.
    coserve::task<std::optional<coserve::bytes>> read(std::size_t most);

private:
    readable input_;
};

}  // namespace coserve_client
