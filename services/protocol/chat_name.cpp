#include "protocol/chat_name.hpp"

#include "protocol/characters.hpp"

namespace coserve {

bool is_chat_name(std::string_view name) noexcept {
    if (name.empty() || name.size() > longest_chat_name)
        return false;
    return name.find(plain_name_mark) == name.npos && is_visible(name);
}

std::optional<std::string_view> plain_chat_name(std::string_view text) noexcept {
    // No further than a name can reach: texts are long, and from anybody.
    const std::string_view head = text.substr(0, longest_chat_name + plain_name_mark.size());
    const std::size_t end = head.find(plain_name_mark);
    if (end == head.npos || !is_chat_name(head.substr(0, end)))
        return std::nullopt;
    return head.substr(0, end);
}

}  // namespace coserve
