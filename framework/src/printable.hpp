/// \file
/// Text of somebody else's made safe to show on a terminal and in a log.
#pragma once

#include <string>
#include <string_view>

namespace coserve::detail {

/// Control characters (DEL and U+0080 to U+009F too, which some terminals obey), backslashes and
/// the characters of `also` as \xNN.
std::string printable(std::string_view text, std::string_view also = {});

}  // namespace coserve::detail
