#include "protocol/characters.hpp"

#include <algorithm>
#include <cstddef>

namespace coserve {
namespace {

struct range {
    char32_t first, last;
};

constexpr range invisible[] = {
    {0x00ad, 0x00ad},    // the soft hyphen
    {0x034f, 0x034f},    // the grapheme joiner, which joins nothing
    {0x061c, 0x061c},    // a mark of direction
    {0x115f, 0x1160},    // Hangul's fillers
    {0x17b4, 0x17b5},    // Khmer's inherent vowels
    {0x180e, 0x180e},    // Mongolian's separator
    {0x200b, 0x200f},    // a blank without width, joiners, marks of direction
    {0x2060, 0x206f},    // the word's joiner, operators, isolates
    {0x3164, 0x3164},    // another filler
    {0xfeff, 0xfeff},    // the byte order mark
    {0xffa0, 0xffa0},    // the filler at half its width
    {0xfff9, 0xfffb},    // annotations
    {0xe0000, 0xe007f},  // tags
};

constexpr range blanks[] = {
    {0x0020, 0x0020},
    {0x00a0, 0x00a0},
    {0x1680, 0x1680},
    {0x2000, 0x200a},
    {0x202f, 0x202f},
    {0x205f, 0x205f},
    {0x2800, 0x2800},  // Braille's, without a dot
    {0x3000, 0x3000},
};

template <std::size_t count>
bool is_in(const range (&ranges)[count], char32_t c) noexcept {
    return std::ranges::any_of(ranges, [c](const range& r) { return r.first <= c && c <= r.last; });
}

enum class kind { hidden, blank, joiner, variation, seen };

kind kind_of(char32_t c) noexcept {
    if (c == 0x200c || c == 0x200d)
        return kind::joiner;
    // How the character before it is drawn; alone, nothing.
    if ((0xfe00 <= c && c <= 0xfe0f) || (0xe0100 <= c && c <= 0xe01ef))
        return kind::variation;
    if (is_in(blanks, c))
        return kind::blank;
    return is_control(c) || turns_direction(c) || is_in(invisible, c) ? kind::hidden : kind::seen;
}

bool may_follow(kind last, kind next) noexcept {
    switch (next) {
    case kind::hidden:
        return false;
    case kind::blank:
        return last == kind::seen || last == kind::blank;
    case kind::joiner:
    case kind::variation:
        return last == kind::seen;
    case kind::seen:
        break;
    }
    return true;
}

}  // namespace

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

bool is_visible(std::string_view text) noexcept {
    kind last = kind::hidden;
    while (!text.empty()) {
        const auto c = take_character(text);
        const kind next = c ? kind_of(*c) : kind::hidden;
        if (!may_follow(last, next))
            return false;
        last = next == kind::variation ? kind::seen : next;
    }
    return last == kind::seen;
}

}  // namespace coserve
