#include "chat_line.hpp"

#include <gtest/gtest.h>

#include <string>
#include <variant>

namespace coserve_client {
namespace {

std::string described(const chat_line& line) {
    if (const auto* say = std::get_if<chat_say>(&line))
        return "say " + say->text;
    if (const auto* move = std::get_if<chat_move>(&line))
        return "move to " + move->room;
    if (const auto* mistake = std::get_if<chat_mistake>(&line))
        return mistake->reason;
    return std::holds_alternative<chat_ask_names>(line) ? "ask"
           : std::holds_alternative<chat_quit>(line)    ? "quit"
                                                        : "help";
}

TEST(chat_line_test, what_begins_with_no_slash_is_said_as_it_is) {
    for (const char* text : {"", " ", "hello", " /who", "阿宸真帅\t\r"})
        EXPECT_EQ(described(read_chat_line(text)), std::string("say ") + text);
}

TEST(chat_line_test, two_slashes_say_one) {
    EXPECT_EQ(described(read_chat_line("//")), "say /");
    EXPECT_EQ(described(read_chat_line("//who is there")), "say /who is there");
    EXPECT_EQ(described(read_chat_line("///x")), "say //x");
}

TEST(chat_line_test, commands) {
    EXPECT_EQ(described(read_chat_line("/who")), "ask");
    EXPECT_EQ(described(read_chat_line("/quit \r")), "quit");
    EXPECT_EQ(described(read_chat_line("/help\t")), "help");
    EXPECT_EQ(described(read_chat_line("/join tea")), "move to tea");
    EXPECT_EQ(described(read_chat_line("/join \t the tea room ")), "move to the tea room");
}

TEST(chat_line_test, mistakes_say_what_would_be_right) {
    EXPECT_EQ(described(read_chat_line("/who me")), "/who takes nothing behind it");
    EXPECT_EQ(described(read_chat_line("/join")), "/join needs the name of a room");
    EXPECT_EQ(described(read_chat_line("/join  ")), "/join needs the name of a room");
    const std::string bad_room = described(read_chat_line("/join " + std::string(65, 'x')));
    EXPECT_NE(bad_room.find("1 to 64 bytes"), std::string::npos) << bad_room;
}

TEST(chat_line_test, unknown_commands_are_shown_escaped) {
    for (const char* line : {"/", "/Who", "/whois Bob", "/joint"}) {
        const std::string text = described(read_chat_line(line));
        EXPECT_TRUE(text.starts_with("no such command: /")) << text;
    }
    EXPECT_EQ(
        described(read_chat_line("/a\x1b[m b")),
        "no such command: /a\\x1b[m; /help shows them, and //a\\x1b[m sends it as text"
    );
}

}  // namespace
}  // namespace coserve_client
