/// \file
/// Bytes of a peer's as one line that is safe to show.
#pragma once

#include <string>
#include <string_view>

namespace coserve {

/// UTF-8 as it is; control characters (line ends, tabs, DEL and U+0080 to U+009F too, which some
/// terminals obey), backslashes and bytes that are no UTF-8 as \xNN. So a peer can neither forge a
/// line nor command a terminal, and the line tells exactly what it sent.
std::string text_line(std::string_view bytes);

}  // namespace coserve
