/// \file
/// The server of a run over streams.
#pragma once

#include "plan.hpp"

#include <coserve/framing.hpp>

#include <boost/asio/generic/stream_protocol.hpp>

#include <string>
#include <vector>

namespace coserve_bench {

/// What the query of a server's URL says.
/// Errors: `coserve::configuration_error`.
coserve::framing framing_of(const std::string& url);

/// What the connections of a run have in common. `coserve::connect()` would read the URL and
/// resolve its name for each of them.
struct stream_target {
    using endpoint = boost::asio::generic::stream_protocol::endpoint;

    std::vector<endpoint> addresses;  ///< of the server's name, at least one
    coserve::framing codecs;

    /// Errors: `coserve::configuration_error`; `coserve::system_error` where there is no address.
    explicit stream_target(const plan&);
};

}  // namespace coserve_bench
