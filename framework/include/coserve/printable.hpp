/// \file
/// Text of somebody else's, made safe to show on a terminal and in a log.
#pragma once

#include <string>
#include <string_view>

namespace coserve {

struct printable_options {
    std::string_view escape{};  ///< ASCII characters that are escaped too
    std::string_view keep{};    ///< and those that stay, such as line ends and tabs on a terminal
};

/// UTF-8 as it is; as \xNN control characters (line ends, tabs, DEL and U+0080 to U+009F too, which
/// some terminals obey, U+2028 and U+2029), those that turn the direction of a text or are shown as
/// nothing (marks of direction, tags, blanks without width; not the joiners of Persian and of
/// emoji), backslashes, and bytes that are no UTF-8. So nobody can forge a line or command a
/// terminal, and the text tells exactly what was sent.
std::string printable(std::string_view text, const printable_options& = {});

}  // namespace coserve
