#include "chat_words.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace coserve_client {
namespace {

using lines = std::vector<std::string>;

std::string names_of(const lines& members) {
    std::string names;
    for (const std::string& name : members)
        coserve::append_chat_name(names, name);
    return names;
}

TEST(chat_words_test, counts) {
    EXPECT_EQ(count_of(1, "message"), "1 message");
    EXPECT_EQ(count_of(0, "message"), "0 messages");
    EXPECT_EQ(count_of(2, "message"), "2 messages");
}

TEST(chat_words_test, texts_stay_on_their_line) {
    EXPECT_EQ(said("Bob", "a\tb c:\\new 阿"), "Bob: a\tb c:\\new 阿");
    EXPECT_EQ(said("Bob", "a\nEve: b\r\x1b[2J\xff"), "Bob: a\\x0aEve: b\\x0d\\x1b[2J\\xff");
}

TEST(chat_words_test, no_name_passes_for_something_else) {
    EXPECT_EQ(said("Bob: yes", "no"), "Bob\\x3a yes: no");
    EXPECT_EQ(said("a: b: c", "d"), "a\\x3a b\\x3a c: d");
    EXPECT_EQ(said("* Bob", "has left"), "\\x2a Bob: has left");
    EXPECT_EQ(said("Bob\n", "x"), "Bob\\x0a: x");
    EXPECT_EQ(said("127.0.0.1:7", "x"), "127.0.0.1:7: x");
}

TEST(chat_words_test, no_line_passes_for_the_clients_own) {
    EXPECT_EQ(shown_line("* the server ends"), "\\x2a the server ends");
    EXPECT_EQ(shown_line("a * b\n* c"), "a * b\\x0a* c");
}

TEST(chat_words_test, losses) {
    EXPECT_EQ(lost_messages("Ann", 1), "1 message of Ann was lost");
    EXPECT_EQ(lost_messages("Ann", 2), "2 messages of Ann were lost");
    EXPECT_EQ(lost_messages("", 2), "2 messages of yours did not come back");
    EXPECT_EQ(lost_messages("", coserve::most_missed), "many messages of yours did not come back");
}

TEST(chat_words_test, rooms) {
    EXPECT_EQ(entered("tea", "Ann", 1), "you are Ann in tea, alone");
    EXPECT_EQ(entered("tea", "Ann", 2), "you are Ann in tea, with 1 other");
    EXPECT_EQ(entered_again("tea", 4), "back in tea, with 3 others");
}

TEST(chat_words_test, a_roster_is_wrapped_between_names) {
    const std::string names = names_of({"Ann", "Bob", "Cem", "Dörte"});
    EXPECT_EQ(
        roster("tea", {.count = 4, .names = names}, 80),
        lines{"4 members in tea: Ann, Bob, Cem, Dörte"}
    );
    EXPECT_EQ(
        roster("tea", {.count = 4, .names = names}, 26),
        (lines{"4 members in tea: Ann,", "  Bob, Cem, Dörte"})
    );
}

TEST(chat_words_test, a_roster_tells_whom_it_leaves_out) {
    EXPECT_EQ(
        roster("tea", {.count = 12, .names = names_of({"Ann"})}, 80),
        (lines{"12 members in tea: Ann", "  and 11 others"})
    );
    EXPECT_EQ(roster("tea", {.count = 2}, 80), (lines{"2 members in tea:", "  and 2 others"}));
}

}  // namespace
}  // namespace coserve_client
