#include "terminal_text.hpp"

#include <algorithm>
#include <cstddef>

namespace coserve_client {
namespace {

unsigned char byte_at(std::string_view text, std::size_t i) noexcept {
    return static_cast<unsigned char>(text[i]);
}

bool in(unsigned char c, unsigned char least, unsigned char most) noexcept {
    return least <= c && c <= most;
}

/// What may follow the first byte: no longer form than needed, no surrogates, nothing above
/// U+10FFFF, and no control characters.
bool is_second(unsigned char first, unsigned char second) noexcept {
    switch (first) {
    case 0xc2:
    case 0xe0:
        return in(second, 0xa0, 0xbf);
    case 0xed:
        return in(second, 0x80, 0x9f);
    case 0xf0:
        return in(second, 0x90, 0xbf);
    case 0xf4:
        return in(second, 0x80, 0x8f);
    default:
        return in(second, 0x80, 0xbf);
    }
}

std::size_t length(unsigned char first) noexcept {
    if (in(first, 0xc2, 0xdf))
        return 2;
    if (in(first, 0xe0, 0xef))
        return 3;
    if (in(first, 0xf0, 0xf4))
        return 4;
    return 0;
}

/// The size of the character that may be shown at the start of `text`; 0: there is none.
std::size_t shown(std::string_view text) noexcept {
    const unsigned char first = byte_at(text, 0);
    if (first < 0x80)
        return first == '\n' || first == '\t' || in(first, 0x20, 0x7e) ? 1 : 0;
    const std::size_t size = length(first);
    if (size == 0 || text.size() < size || !is_second(first, byte_at(text, 1)))
        return 0;
    const std::string_view rest = text.substr(2, size - 2);
    const auto continues = [](char c) { return in(static_cast<unsigned char>(c), 0x80, 0xbf); };
    return std::ranges::all_of(rest, continues) ? size : 0;
}

}  // namespace

std::string terminal_text(std::string_view text) {
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t size = shown(text);
        if (size == 0) {
            const unsigned char c = byte_at(text, 0);
            out += {'\\', 'x', digits[c >> 4], digits[c & 15]};
        }
        out += text.substr(0, size);
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return out;
}

}  // namespace coserve_client
