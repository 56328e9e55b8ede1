#include "protocol/upload_name.hpp"

#include "protocol/characters.hpp"
#include "protocol/upload_error.hpp"

#include <algorithm>

namespace coserve {
namespace {

[[noreturn]] void refuse(const std::string& why) {
    throw upload_error("bad-name", "file_name: " + why);
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
