/// \file
/// The characters of a text in UTF-8, one after the other, and those of them that must stand in no
/// name.
#pragma once

#include <optional>
#include <string_view>

namespace coserve {

/// Takes one character off the front of a text, which is not empty; nullopt: there is none in
/// UTF-8.
std::optional<char32_t> take_character(std::string_view& text) noexcept;

/// U+0080 to U+009F, U+2028 and U+2029 too.
bool is_control(char32_t) noexcept;

/// U+202A to U+202E, U+2066 to U+2069: "gpj.exe" can look like "exe.jpg".
bool turns_direction(char32_t) noexcept;

}  // namespace coserve
