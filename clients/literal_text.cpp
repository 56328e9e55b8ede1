#include "literal_text.hpp"

#include <algorithm>

namespace coserve_client {
namespace {

// Nobody types it, and a text that begins with it gets another.
constexpr char mark = '\x01';

bool needs_mark(const std::string& text) noexcept {
    return text.starts_with('[') || text.starts_with('{') || text.starts_with(mark);
}

}  // namespace

std::vector<std::string> marked_arguments(int argc, char** argv) {
    std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
    for (std::string& text : arguments)
        if (needs_mark(text))
            text.insert(text.begin(), mark);
    std::ranges::reverse(arguments);
    return arguments;
}

std::string unmarked(std::string text) {
    if (text.starts_with(mark))
        text.erase(text.begin());
    return text;
}

}  // namespace coserve_client
