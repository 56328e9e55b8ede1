// The names of encodings, which iconv does not check, and what is said of those that it lacks.
#pragma once

#include <optional>
#include <string_view>

namespace coserve {

// iconv takes more than names: suffixes behind slashes and commas, and nothing at all for the
// locale's encoding.
bool is_encoding_name(std::string_view) noexcept;

// With or without its hyphen, in any case.
bool names_utf8(std::string_view name);

// Whether each character of it is known to be converted as if it stood alone.
bool is_stateless_encoding(std::string_view name);

// The same as iconv has it, of a usual one: hyphens and underscores may be left out or added.
std::optional<std::string_view> usual_encoding_name(std::string_view name);

// Errors: configuration_error, which says what name is meant perhaps.
[[noreturn]] void refuse_encoding(std::string_view name);

}  // namespace coserve
