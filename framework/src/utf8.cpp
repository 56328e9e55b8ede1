#include "utf8.hpp"

#include <algorithm>

namespace coserve {
namespace {

std::size_t size_by_first(unsigned char first) noexcept {
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

bool continues(char c) noexcept {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

bool is_scalar_value(std::uint32_t number, std::size_t size) noexcept {
    const bool is_surrogate = number >= 0xd800 && number < 0xe000;
    const bool is_too_long = (size == 3 && number < 0x800) || (size == 4 && number < 0x10000);
    return !is_surrogate && !is_too_long && number <= 0x10ffff;
}

}  // namespace

utf8_character first_character(std::string_view text) noexcept {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t size = size_by_first(first);
    if (size <= 1)
        return {size, first};
    const std::string_view rest = text.substr(1, size - 1);
    if (text.size() < size || !std::ranges::all_of(rest, continues))
        return {};
    std::uint32_t number = first & (0x7fU >> size);
    for (const char c : rest)
        number = number << 6 | (static_cast<unsigned char>(c) & 0x3fU);
    return is_scalar_value(number, size) ? utf8_character{size, number} : utf8_character{};
}

bool begins_character(std::string_view text) noexcept {
    return !text.empty() && text.size() < size_by_first(static_cast<unsigned char>(text.front())) &&
           std::ranges::all_of(text.substr(1), continues);
}

std::size_t ascii_run(std::string_view text) noexcept {
    const auto ends = [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte >= 0x7f || c == '\\';
    };
    return static_cast<std::size_t>(std::ranges::find_if(text, ends) - text.begin());
}

void append_escaped(std::string& out, std::string_view bytes) {
    constexpr char digits[] = "0123456789abcdef";
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    }
}

}  // namespace coserve
