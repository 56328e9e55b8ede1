#include <coserve/printable.hpp>

#include "utf8.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>

namespace coserve {
namespace {

bool is_control(std::uint32_t number) noexcept {
    return number < 0x20 || (number >= 0x7f && number < 0xa0);
}

struct range {
    std::uint32_t first, last;
};

// With them a text can look like another: they turn its direction, or are shown as nothing. Not the
// joiners U+200C and U+200D, which Persian and emoji are written with. In order.
constexpr range misleading[] = {
    {0x00ad, 0x00ad},    // the soft hyphen
    {0x061c, 0x061c},    // a mark of direction
    {0x180e, 0x180e},    // Mongolian's separator
    {0x200b, 0x200b},    // a blank without width
    {0x200e, 0x200f},    // marks of direction
    {0x202a, 0x202e},    // embeddings and overrides
    {0x2060, 0x206f},    // the word's joiner, operators, isolates
    {0xfeff, 0xfeff},    // the byte order mark
    {0xfff9, 0xfffb},    // annotations
    {0x1bca0, 0x1bca3},  // of shorthand
    {0x1d173, 0x1d17a},  // of musical notes
    {0xe0000, 0xe007f},  // tags
};

bool misleads(std::uint32_t number) noexcept {
    const auto* const found = std::ranges::lower_bound(misleading, number, {}, &range::last);
    return found != std::end(misleading) && found->first <= number;
}

bool ends_line(std::uint32_t number) noexcept {
    return number == 0x2028 || number == 0x2029;
}

bool is_shown(const utf8_character& c, char first, const printable_options& options) noexcept {
    if (c.size == 0)
        return false;
    if (c.size == 1 && options.keep.find(first) != options.keep.npos)
        return true;
    return !is_control(c.number) && !misleads(c.number) && !ends_line(c.number) && first != '\\' &&
           options.escape.find(first) == options.escape.npos;
}

}  // namespace

std::string printable(std::string_view text, const printable_options& options) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t run = options.escape.empty() ? ascii_run(text) : 0;
        out += text.substr(0, run);
        text.remove_prefix(run);
        if (text.empty())
            break;
        const utf8_character next = first_character(text);
        const std::size_t size = std::max<std::size_t>(next.size, 1);
        if (is_shown(next, text.front(), options))
            out += text.substr(0, size);
        else
            append_escaped(out, text.substr(0, size));
        text.remove_prefix(size);
    }
    return out;
}

}  // namespace coserve
