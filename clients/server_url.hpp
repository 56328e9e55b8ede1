/// \file
/// Where a command connects to, and what its framing means for it.
#pragma once

#include <coserve/limits.hpp>

#include <string>
#include <string_view>

namespace coserve_client {

struct server_url {
    std::string text;           ///< what `coserve::connect` gets
    std::string name;           ///< the same without the query, for messages
    bool reads_raw = false;     ///< one read is one frame: nothing tells where a reply ends
    bool writes_raw = false;    ///< nor where a request does
    bool is_datagrams = false;  ///< `udp://`; then the limits are not its own
    coserve::stream_limits limits;
};

/// `framing` (empty: none) is short for that key in the URL's query.
/// Errors: `coserve::configuration_error`, also where the two contradict each other.
server_url parse_server_url(std::string_view url, std::string_view framing);

}  // namespace coserve_client
