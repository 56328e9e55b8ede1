#include <coserve/services/text_line.hpp>

#include <algorithm>
#include <cstddef>

namespace coserve {
namespace {

unsigned char byte_at(std::string_view text, std::size_t i) noexcept {
    return static_cast<unsigned char>(text[i]);
}

bool in(unsigned char c, unsigned char least, unsigned char most) noexcept {
    return least <= c && c <= most;
}

std::size_t length(unsigned char first) noexcept {
    if (in(first, 0xc2, 0xdf))
        return 2;
    if (in(first, 0xe0, 0xef))
        return 3;
    return in(first, 0xf0, 0xf4) ? 4 : 0;
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

/// The size of the character of several bytes at the start of `text`; 0: there is none.
std::size_t several_bytes(std::string_view text) noexcept {
    const std::size_t size = length(byte_at(text, 0));
    if (size == 0 || text.size() < size || !is_second(byte_at(text, 0), byte_at(text, 1)))
        return 0;
    const std::string_view rest = text.substr(2, size - 2);
    const auto continues = [](char c) { return in(static_cast<unsigned char>(c), 0x80, 0xbf); };
    return std::ranges::all_of(rest, continues) ? size : 0;
}

/// How many bytes at the start of `text` are shown as they are.
std::size_t shown(std::string_view text) noexcept {
    const auto is_plain = [](char c) { return 0x20 <= c && c < 0x7f && c != '\\'; };
    const auto end = std::ranges::find_if_not(text, is_plain);
    const auto plain = static_cast<std::size_t>(end - text.begin());
    return plain != 0 ? plain : several_bytes(text);
}

}  // namespace

std::string text_line(std::string_view bytes) {
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size());
    while (!bytes.empty()) {
        const std::size_t size = shown(bytes);
        out += bytes.substr(0, size);
        if (size == 0) {
            const unsigned char c = byte_at(bytes, 0);
            out += {'\\', 'x', digits[c >> 4], digits[c & 15]};
        }
        bytes.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return out;
}

}  // namespace coserve
