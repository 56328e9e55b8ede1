/// \file
/// What a server sent, made safe to show.
#pragma once

#include <string>
#include <string_view>

namespace coserve_client {

/// Line ends, tabs and whole UTF-8 characters as they are; other control characters (U+0080 to
/// U+009F too, which some terminals obey) and bytes that are no UTF-8 as \xNN.
std::string terminal_text(std::string_view);

}  // namespace coserve_client
