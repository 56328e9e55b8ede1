#include "protocol/command_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace coserve {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

TEST(command_text_test, splits_at_blanks) {
    EXPECT_THAT(split_command("ls -l /tmp"), Optional(ElementsAre("ls", "-l", "/tmp")));
    EXPECT_THAT(split_command("  ls\t-l\r\n"), Optional(ElementsAre("ls", "-l")));
    EXPECT_THAT(split_command(" \n"), Optional(IsEmpty()));
    EXPECT_THAT(split_command("echo 阿宸真帅"), Optional(ElementsAre("echo", "阿宸真帅")));
}

TEST(command_text_test, honours_quotes) {
    EXPECT_THAT(split_command("a 'b c' \"d e\""), Optional(ElementsAre("a", "b c", "d e")));
    EXPECT_THAT(split_command("a''b \"\" ''"), Optional(ElementsAre("ab", "", "")));
    EXPECT_THAT(
        split_command(R"('a\b' "c\"d\\e\f")"), Optional(ElementsAre(R"(a\b)", R"(c"d\e\f)"))
    );
    EXPECT_THAT(split_command(R"(a\ b \'c)"), Optional(ElementsAre("a b", "'c")));
}

TEST(command_text_test, expands_nothing) {
    EXPECT_THAT(
        split_command("echo $HOME `id` $(id) * ~ > x | y; z & # c"),
        Optional(ElementsAre(
            "echo", "$HOME", "`id`", "$(id)", "*", "~", ">", "x", "|", "y;", "z", "&", "#", "c"
        ))
    );
}

TEST(command_text_test, refuses_what_does_not_end) {
    for (const char* text : {"a 'b", "a \"b", "a \\", "'", "\"a\\\""})
        EXPECT_EQ(split_command(text), std::nullopt) << text;
}

TEST(command_text_test, joins_what_splits_again) {
    EXPECT_EQ(join_command({"ls", "-l", "/tmp/a_b.c"}), "ls -l /tmp/a_b.c");
    EXPECT_EQ(join_command({"echo", "it's", ""}), R"(echo 'it'\''s' '')");
    const std::vector<std::string> hard{
        "a b", "'", "\"", "\\", "$x", "`y`", "*", "", "\n", "阿宸", "a'b\"c\\d", "-", "~"
    };
    EXPECT_THAT(split_command(join_command(hard)), Optional(hard));
}

}  // namespace
}  // namespace coserve
