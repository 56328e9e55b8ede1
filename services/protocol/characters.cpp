#include "protocol/characters.hpp"

#include <cstddef>

namespace coserve {

std::optional<char32_t> take_character(std::string_view& text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = byte(0);
    const std::size_t size = first < 0x80   ? 1
                             : first < 0xc2 ? 0
                             : first < 0xe0 ? 2
                             : first < 0xf0 ? 3
                             : first < 0xf5 ? 4
                                            : 0;
    if (size == 0 || text.size() < size)
        return std::nullopt;
    char32_t c = size == 1 ? first : first & (0xffU >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xc0) != 0x80)
            return std::nullopt;
        c = c << 6 | (byte(i) & 0x3f);
    }
    const bool too_long = (size == 3 && c < 0x800) || (size == 4 && c < 0x10000);
    if (too_long || (0xd800 <= c && c <= 0xdfff) || c > 0x10ffff)
        return std::nullopt;
    text.remove_prefix(size);
    return c;
}

bool is_control(char32_t c) noexcept {
    return c < 0x20 || (0x7f <= c && c < 0xa0) || c == 0x2028 || c == 0x2029;
}

bool turns_direction(char32_t c) noexcept {
    return (0x202a <= c && c <= 0x202e) || (0x2066 <= c && c <= 0x2069);
}

}  // namespace coserve
