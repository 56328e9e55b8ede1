// Checks a JSON object, and finds one whole number in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coserve::detail {

struct json_scan {
    std::string complaint = {};                        // what is wrong with it; empty: nothing
    std::optional<std::uint64_t> size = std::nullopt;  // the member's that was asked for
    bool empty = true;                                 // it has no members
};

// `text` is to be one JSON object (RFC 8259, in UTF-8), nested no deeper than 32, with no key twice
// in an object. Its member `size_key`, where there is one, is to be a whole number below 2^63.
json_scan scan_json_object(std::string_view text, std::string_view size_key);

}  // namespace coserve::detail
