/// \file
/// URLs of services that have their own formats.
#pragma once

#include <string>
#include <string_view>

namespace coserve_bench {

struct wire_url {
    std::string url;   ///< without the key
    std::string wire;  ///< which format
};

/// The format that a URL's key `wire` or a flag (empty: none) names, else the usual one.
/// Errors: `coserve::configuration_error` where the two contradict each other.
wire_url take_wire(const std::string& url, const std::string& flag, std::string_view usual);

/// The framing that the format is spoken in.
/// Errors: `coserve::configuration_error` where the URL has one already.
std::string with_framing(const std::string& url, std::string_view framing);

}  // namespace coserve_bench
