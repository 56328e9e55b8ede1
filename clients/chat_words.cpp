#include "chat_words.hpp"

#include <coserve/printable.hpp>

#include <utility>

namespace coserve_client {
namespace {

/// What begins with a star is the client's own.
std::string without_star(std::string shown) {
    if (shown.starts_with('*'))
        shown.replace(0, 1, "\\x2a");
    return shown;
}

std::string others(std::uint32_t members) {
    return members <= 1 ? ", alone" : ", with " + count_of(members - 1, "other");
}

}  // namespace

std::string count_of(std::uint64_t count, std::string_view thing) {
    std::string text = std::to_string(count) + ' ';
    text += thing;
    return count == 1 ? text : text + 's';
}

std::string shown_text(std::string_view text) {
    return coserve::printable(text, {.escape = {}, .keep = "\t\\"});
}

std::string shown_name(std::string_view name) {
    std::string shown = coserve::printable(name, {.escape = {}, .keep = "\\"});
    for (std::size_t at = 0; (at = shown.find(": ", at)) != shown.npos;)
        shown.replace(at, 1, "\\x3a");
    return without_star(std::move(shown));
}

std::string shown_line(std::string_view line) {
    return without_star(shown_text(line));
}

std::string said(std::string_view name, std::string_view text) {
    return shown_name(name) + ": " + shown_text(text);
}

std::string lost_messages(std::string_view name, std::uint64_t count) {
    const std::string messages =
        count >= coserve::most_missed ? "many messages" : count_of(count, "message");
    if (name.empty())
        return messages + " of yours did not come back";
    return messages + " of " + shown_name(name) + (count == 1 ? " was lost" : " were lost");
}

std::string entered(std::string_view room, std::string_view name, std::uint32_t members) {
    return "you are " + shown_name(name) + " in " + shown_name(room) + others(members);
}

std::string entered_again(std::string_view room, std::uint32_t members) {
    return "back in " + shown_name(room) + others(members);
}

std::string noticed(const coserve::chat_noticed& n) {
    return shown_name(n.name) + (n.joined ? " has joined" : " has left");
}

std::string lost_contact(coserve::chat_lost_contact::why reason) {
    using enum coserve::chat_lost_contact::why;
    switch (reason) {
    case silence:
        return "the server does not answer; trying to join again";
    case forgotten:
        return "the server has forgotten you; joining again";
    case ending:
        return "the server ends; trying to join again";
    }
    return "contact is lost; trying to join again";
}

std::vector<std::string>
roster(std::string_view room, const coserve::chat_roster& r, std::size_t columns) {
    std::vector<std::string> lines{count_of(r.count, "member") + " in " + shown_name(room) + ':'};
    std::uint32_t shown = 0;
    std::string_view names = r.names;
    while (const auto name = coserve::take_chat_name(names)) {
        if (shown++ != 0)
            lines.back() += ',';
        const std::string next = shown_name(*name);
        if (lines.back().size() + 1 + next.size() < columns)
            lines.back() += ' ' + next;
        else
            lines.push_back("  " + next);
    }
    if (r.count > shown)
        lines.push_back("  and " + count_of(r.count - shown, "other"));
    return lines;
}

}  // namespace coserve_client
