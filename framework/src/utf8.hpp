// UTF-8 as RFC 3629 has it: no longer forms than needed, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace coserve {

struct utf8_character {
    std::size_t size = 0;      // in bytes; 0: there is none
    std::uint32_t number = 0;  // its code point
};

// What `text`, which is not empty, begins with.
utf8_character first_character(std::string_view text) noexcept;

// Whether it is none yet, and more bytes might make it one.
bool begins_character(std::string_view text) noexcept;

// How many characters of one byte it begins with, other than control characters and backslashes.
std::size_t ascii_run(std::string_view text) noexcept;

// Each byte as \xNN.
void append_escaped(std::string& out, std::string_view bytes);

}  // namespace coserve
