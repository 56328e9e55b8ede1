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
    EXPECT_EQ(printable("a\u061c\u200e\u200fb"), "a\\xd8\\x9c\\xe2\\x80\\x8e\\xe2\\x80\\x8fb");
}

TEST(printable_test, escapes_what_nobody_sees) {
    EXPECT_EQ(printable("pass\u00adword"), "pass\\xc2\\xadword");
    EXPECT_EQ(printable("a\u200b\u2060\ufeffb"), "a\\xe2\\x80\\x8b\\xe2\\x81\\xa0\\xef\\xbb\\xbfb");
    EXPECT_EQ(printable("\u206a\u206f"), "\\xe2\\x81\\xaa\\xe2\\x81\\xaf") << "of old Unicode";
    EXPECT_EQ(printable("\U000e0041"), "\\xf3\\xa0\\x81\\x81") << "a tag";
    EXPECT_EQ(printable("\U0001d173"), "\\xf0\\x9d\\x85\\xb3") << "of musical notes";
}

TEST(printable_test, leaves_what_stands_beside_it) {
    for (const std::string_view text :
         {"\u00ac\u00ae",
          "\u061b\u061d",
          "\u200a",
          "\u2010\u2027",
          "\u202f\u2030",
          "\u205f\u2070",
          "\ufefe\uff00",
          "\ufff8\ufffc\ufffd",
          "\U0001d172\U0001d17b",
          "\U000e0080"})
        EXPECT_EQ(printable(text), text);
}

TEST(printable_test, leaves_the_joiners_that_words_and_emoji_are_written_with) {
    for (const std::string_view text :
         {"\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
          "\U0001f468\u200d\U0001f469\u200d\U0001f467",
          "\u2764\ufe0f"})
        EXPECT_EQ(printable(text), text);
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
