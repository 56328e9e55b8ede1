#include "markup.hpp"

#include "results/text.hpp"

#include <coserve/printable.hpp>

namespace coserve_bench {

namespace {

std::string_view entity(char c) {
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return "";
    }
}

}  // namespace

std::string escaped(std::string_view text) {
    std::string safe;
    for (const char c : coserve::printable(text)) {
        const std::string_view e = entity(c);
        safe += e.empty() ? std::string_view(&c, 1) : e;
    }
    return safe;
}

std::string element(std::string_view name, attributes all, std::string_view content) {
    std::string text = "<" + std::string(name);
    for (const auto& [key, value] : all)
        text += " " + std::string(key) + "=\"" + escaped(value) + "\"";
    return text + ">" + std::string(content) + "</" + std::string(name) + ">";
}

std::string coordinate(double value) {
    std::string text = format("%.2f", value);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.'))
        text.pop_back();
    return text == "-0" ? "0" : text;
}

}  // namespace coserve_bench
