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

/// Whether all of it can be seen: no control characters, none that turn the direction, none that
/// are shown as nothing (marks, fillers, tags). Blanks, of Unicode too, are only between others; so
/// are the joiners U+200C and U+200D, each between two that are seen, as in Persian and in families
/// of emoji. An empty text is not.
bool is_visible(std::string_view text) noexcept;

}  // namespace coserve
