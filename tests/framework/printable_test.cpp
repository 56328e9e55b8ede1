#include <coserve/printable.hpp>

#include <gtest/gtest.h>

#include <string_view>

namespace coserve {
namespace {

TEST(printable_test, leaves_text_as_it_is) {
    for (const std::string_view text :
         {"", "hello, world", "阿宸真帅", "é ß \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf"})
        EXPECT_EQ(printable(text), text);
}

TEST(printable_test, escapes_what_a_terminal_or_a_log_would_obey) {
    EXPECT_EQ(printable("a\nb\r\n\tc"), "a\\x0ab\\x0d\\x0a\\x09c");
    EXPECT_EQ(printable({"\0\x1b[2J\x7f", 6}), "\\x00\\x1b[2J\\x7f");
    EXPECT_EQ(printable("\xc2\x80\xc2\x9f\xc2\xa0"), "\\xc2\\x80\\xc2\\x9f\xc2\xa0");
    EXPECT_EQ(printable("C:\\x0a"), "C:\\x5cx0a");
}

TEST(printable_test, escapes_what_makes_a_text_look_like_another) {
    EXPECT_EQ(printable("\u202egpj.exe"), "\\xe2\\x80\\xaegpj.exe");
    EXPECT_EQ(printable("\u2066a\u2069"), "\\xe2\\x81\\xa6a\\xe2\\x81\\xa9");
    EXPECT_EQ(printable("a\u2028b\u2029"), "a\\xe2\\x80\\xa8b\\xe2\\x80\\xa9");
    EXPECT_EQ(printable("\u200f\u2030"), "\u200f\u2030") << "a mark, and no control at all";
}

TEST(printable_test, escapes_what_is_no_utf_8) {
    EXPECT_EQ(printable("\xcb\xa7\xb1\xc6"), "\xcb\xa7\\xb1\\xc6") << "帅逼 in GBK";
    EXPECT_EQ(printable("\xe5\xb8"), "\\xe5\\xb8") << "ends within a character";
    EXPECT_EQ(printable("\xe5\xb8x"), "\\xe5\\xb8x") << "is cut short by another";
    EXPECT_EQ(printable("\xc0\xaf\xe0\x80\xaf"), "\\xc0\\xaf\\xe0\\x80\\xaf")
        << "longer than needed";
    EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
    EXPECT_EQ(printable("\xf4\x90\x80\x80\xff"), "\\xf4\\x90\\x80\\x80\\xff") << "above U+10FFFF";
}

TEST(printable_test, escapes_and_keeps_what_it_is_told_to) {
    EXPECT_EQ(printable("a\"b", {.escape = "\"", .keep = {}}), "a\\x22b");
    EXPECT_EQ(printable("a\tb\\\n\x1b", {.escape = {}, .keep = "\n\t\\"}), "a\tb\\\n\\x1b");
}

}  // namespace
}  // namespace coserve
