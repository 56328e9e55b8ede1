/// \file
/// The names under which files may be stored.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace coserve {

/// In bytes. A file system takes 255; what `numbered_name` adds fits too.
inline constexpr std::size_t longest_upload_name = 200;

/// One component of a path, in UTF-8 of any script, that is what it looks like: no slash or
/// backslash, no control character (U+0080 to U+009F and U+2028 and U+2029 too), no character that
/// turns the direction of what is shown, no dot in front, no blank or dot at the end.
/// Errors: `upload_error` `bad-name` that says which of these.
void check_upload_name(std::string_view name);

/// "name (1).ext"; of several extensions the last: "a.tar (1).gz".
std::string numbered_name(std::string_view name, unsigned number);

}  // namespace coserve
