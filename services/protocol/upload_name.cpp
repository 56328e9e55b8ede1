#include "protocol/upload_name.hpp"

#include "protocol/upload_error.hpp"

#include <algorithm>
#include <optional>

namespace coserve {
namespace {

[[noreturn]] void refuse(const std::string& why) {
    throw upload_error("bad-name", "file_name: " + why);
}

/// Takes one character off the front; nullopt: there is none in UTF-8.
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

/// U+202A to U+202E, U+2066 to U+2069: "gpj.exe" can look like "exe.jpg".
bool turns_direction(char32_t c) noexcept {
    return (0x202a <= c && c <= 0x202e) || (0x2066 <= c && c <= 0x2069);
}

void check_characters(std::string_view name) {
    while (!name.empty()) {
        const auto c = take_character(name);
        if (!c)
            refuse("must be UTF-8");
        if (*c == '/' || *c == '\\')
            refuse("must be a name, without a path");
        if (is_control(*c))
            refuse("must not contain control characters");
        if (turns_direction(*c))
            refuse("must not turn the direction of its text");
    }
}

}  // namespace

void check_upload_name(std::string_view name) {
    if (name.empty())
        refuse("must not be empty");
    if (name.size() > longest_upload_name)
        refuse("must be at most " + std::to_string(longest_upload_name) + " bytes long");
    check_characters(name);
    if (name.front() == '.')
        refuse("must not begin with a dot");
    if (name.back() == '.' || name.back() == ' ' || name.front() == ' ')
        refuse("must not end with a dot, nor begin or end with a blank");
}

std::string numbered_name(std::string_view name, unsigned number) {
    const std::size_t dot = std::min(name.rfind('.'), name.size());
    return std::string(name.substr(0, dot))
        .append(" (" + std::to_string(number) + ')')
        .append(name.substr(dot));
}

}  // namespace coserve
