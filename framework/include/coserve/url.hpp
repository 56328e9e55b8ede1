/// \file
/// Where a listener listens and a client connects: `tcp://HOST:PORT`, `udp://HOST:PORT`,
/// `unix:PATH`, each with options as its query.
#pragma once

#include <coserve/option_reader.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coserve {

struct endpoint_url {
    enum class scheme { tcp, udp, unix_stream };

    scheme kind = scheme::tcp;
    std::string host;  ///< a name or an address, IPv6 without brackets; empty for a Unix socket
    std::uint16_t port = 0;     ///< 0: any free one (listeners only)
    std::string path;           ///< of a Unix socket, percent-decoded
    std::vector<option> query;  ///< percent-decoded; a plus is a plus

    /// Without the query: `tcp://[::1]:7700`, `unix:/run/x.sock`. `parse_url` reads it back.
    std::string to_string() const;
};

/// A Unix socket's path is relative in `unix:x.sock` and absolute in `unix:/run/x.sock` and
/// `unix:///run/x.sock`.
///
/// Errors: `configuration_error` that names what is wrong in `text`.
endpoint_url parse_url(std::string_view text);

}  // namespace coserve
