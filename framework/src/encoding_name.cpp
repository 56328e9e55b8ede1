#include "encoding_name.hpp"

#include <coserve/error.hpp>
#include <coserve/printable.hpp>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>
#include <vector>

namespace coserve {
namespace {

struct known_encoding {
    const char* name;
    bool is_stateless;  // each character is converted as if it stood alone
};

// What people name, and are told of.
constexpr known_encoding usual_encodings[] = {
    {"GBK", true},
    {"GB18030", true},
    {"GB2312", true},
    {"BIG5", true},
    {"BIG5-HKSCS", false},
    {"SHIFT_JIS", true},
    {"EUC-JP", true},
    {"EUC-KR", true},
    {"ISO-8859-1", true},
    {"LATIN1", true},
    {"ISO-8859-15", true},
    {"WINDOWS-1252", true},
    {"KOI8-R", true},
    {"UTF-8", true},
    {"UTF-16LE", true},
    {"UTF-16BE", true},
};

bool is_letter_or_digit(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Letters and digits alone, in lower case.
std::string simplified(std::string_view name) {
    std::string out;
    for (const char c : name)
        if (is_letter_or_digit(c))
            out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

/// How many letters must be added, dropped or changed to make one of the other.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0]++;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

/// The usual name that is most like this one, and how much it differs.
struct similar_name {
    std::string_view name;
    std::size_t differs;
};

similar_name most_similar(std::string_view name) {
    const std::string wanted = simplified(name).substr(0, 40);
    similar_name best{{}, wanted.size()};
    for (const known_encoding& usual : usual_encodings)
        if (const std::size_t d = distance(wanted, simplified(usual.name)); d < best.differs)
            best = {usual.name, d};
    return best;
}

}  // namespace

bool is_encoding_name(std::string_view text) noexcept {
    const auto belongs = [](char c) {
        return is_letter_or_digit(c) ||
               std::string_view("-_.:()+").find(c) != std::string_view::npos;
    };
    return !text.empty() && std::ranges::all_of(text, belongs);
}

bool names_utf8(std::string_view name) {
    return simplified(name) == "utf8" && is_encoding_name(name);
}

bool is_stateless_encoding(std::string_view name) {
    const std::string wanted = simplified(name);
    return std::ranges::any_of(usual_encodings, [&](const known_encoding& usual) {
        return usual.is_stateless && simplified(usual.name) == wanted;
    });
}

std::optional<std::string_view> usual_encoding_name(std::string_view name) {
    const similar_name same = most_similar(name);
    return same.differs == 0 && !same.name.empty() ? std::optional(same.name) : std::nullopt;
}

void refuse_encoding(std::string_view name) {
    std::string text = "encoding \"" + printable(name) + "\" ";
    if (usual_encoding_name(name) && is_encoding_name(name))
        throw configuration_error(
            text + "the C library of this machine lacks it; some systems have it in a package of "
                   "its own (libc-gconv-modules-extra, glibc-gconv-extra)"
        );
    text += "is unknown; ";
    const similar_name similar = most_similar(name);
    if (similar.differs <= 2 && !similar.name.empty())
        text += "did you mean " + std::string(similar.name) + "?";
    else
        text += "try GBK, GB18030, BIG5, SHIFT_JIS, ISO-8859-1 or UTF-8;";
    throw configuration_error(text + " iconv --list shows all");
}

}  // namespace coserve
