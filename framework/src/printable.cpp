#include "printable.hpp"

namespace coserve::detail {
namespace {

bool is_control(unsigned char c) noexcept {
    return c < 0x20 || c == 0x7f;
}

/// U+0080 to U+009F are C2 80 to C2 9F in UTF-8.
bool begins_c1_control(std::string_view text) noexcept {
    return text.size() >= 2 && text[0] == '\xc2' &&
           static_cast<unsigned char>(text[1] - 0x80) < 0x20;
}

void append_escaped(std::string& out, unsigned char c) {
    constexpr char digits[] = "0123456789abcdef";
    out += "\\x";
    out += digits[c >> 4];
    out += digits[c & 15];
}

}  // namespace

std::string printable(std::string_view text, std::string_view also) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (begins_c1_control(text.substr(i))) {
            append_escaped(out, c);
            append_escaped(out, static_cast<unsigned char>(text[++i]));
        } else if (is_control(c) || c == '\\' || also.find(text[i]) != also.npos) {
            append_escaped(out, c);
        } else {
            out += text[i];
        }
    }
    return out;
}

}  // namespace coserve::detail
