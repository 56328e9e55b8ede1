#include <coserve/printable.hpp>

#include "utf8.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace coserve {
namespace {

bool is_control(std::uint32_t number) noexcept {
    return number < 0x20 || (number >= 0x7f && number < 0xa0);
}

// With them a text can look like another: embeddings, overrides and isolates.
bool turns_direction(std::uint32_t number) noexcept {
    return (number >= 0x202a && number <= 0x202e) || (number >= 0x2066 && number <= 0x2069);
}

bool ends_line(std::uint32_t number) noexcept {
    return number == 0x2028 || number == 0x2029;
}

bool is_shown(const utf8_character& c, char first, const printable_options& options) noexcept {
    if (c.size == 0)
        return false;
    if (c.size == 1 && options.keep.find(first) != options.keep.npos)
        return true;
    return !is_control(c.number) && !turns_direction(c.number) && !ends_line(c.number) &&
           first != '\\' && options.escape.find(first) == options.escape.npos;
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
