#include "chat_line.hpp"

#include "protocol/chat_datagram.hpp"

#include <coserve/printable.hpp>

namespace coserve_client {
namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r";
    const std::size_t first = text.find_first_not_of(blanks);
    return first == text.npos ? std::string_view()
                              : text.substr(first, text.find_last_not_of(blanks) + 1 - first);
}

chat_line read_move(std::string_view room) {
    if (room.empty())
        return chat_mistake{"/join needs the name of a room"};
    if (!coserve::is_chat_name(room))
        return chat_mistake{"/join: " + std::string(text_of(coserve::chat_refusal::bad_room))};
    return chat_move{std::string(room)};
}

template <class Command>
chat_line read_alone(std::string_view word, std::string_view rest) {
    if (!rest.empty())
        return chat_mistake{std::string(word) + " takes nothing behind it"};
    return Command{};
}

std::string unknown(std::string_view word) {
    const std::string shown = coserve::printable(word, {.escape = {}, .keep = "\\"});
    return "no such command: " + shown + "; /help shows them, and /" + shown + " sends it as text";
}

}  // namespace

const std::string_view chat_commands = R"(/who          who is in the room
/join ROOM    move to another room
/quit         leave; so do Ctrl-D and Ctrl-C
/help         this
//TEXT        say /TEXT
)";

chat_line read_chat_line(std::string_view line) {
    if (!line.starts_with('/'))
        return chat_say{std::string(line)};
    if (line.starts_with("//"))
        return chat_say{std::string(line.substr(1))};
    const std::string_view word = line.substr(0, line.find_first_of(" \t\r"));
    const std::string_view rest = trimmed(line.substr(word.size()));
    if (word == "/join")
        return read_move(rest);
    if (word == "/who")
        return read_alone<chat_ask_names>(word, rest);
    if (word == "/quit")
        return read_alone<chat_quit>(word, rest);
    if (word == "/help")
        return read_alone<chat_help>(word, rest);
    return chat_mistake{unknown(word)};
}

}  // namespace coserve_client
