#include <coserve/text_encoding.hpp>

#include <coserve/error.hpp>

#include "codec_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coserve {
namespace {

using codec_check::for_each_split;
using codec_check::hex;
using ::testing::HasSubstr;

std::string decode(std::string_view encoding, const std::vector<std::string_view>& pieces) {
    text_decoder decoder(encoding);
    std::string text;
    for (const std::string_view piece : pieces)
        text += decoder.decode(piece);
    return text + decoder.finish();
}

void expect_in_any_split(
    std::string_view encoding, const std::string& bytes, std::string_view expected
) {
    for_each_split(bytes, [&](const std::vector<std::string_view>& pieces) {
        EXPECT_EQ(decode(encoding, pieces), expected) << ::testing::PrintToString(pieces);
    });
}

std::string complaint(std::string_view encoding) {
    try {
        text_decoder decoder(encoding);
    } catch (const configuration_error& e) {
        return e.what();
    }
    return "none";
}

std::string complaint(std::string_view encoding, std::string_view text) {
    try {
        text_encoder(encoding).encode(text);
    } catch (const system_error& e) {
        EXPECT_EQ(e.code(), errc::unencodable_text);
        return reason_of(e);
    }
    return "none";
}

TEST(text_encoding_test, decodes_in_any_split) {
    expect_in_any_split("GBK", hex("cba7b1c6 2c d6d0cec4 6f6b 0a"), "帅逼,中文ok\n");
    expect_in_any_split("BIG5", hex("a4a4 a4e5 b256 61 b1c6"), "中文混a排");
    expect_in_any_split("SHIFT_JIS", hex("93fa 967b 8cea b6 c5 78"), "日本語ｶﾅx");
    expect_in_any_split("GB18030", hex("95328236 d6d0 a2e3 61 82358f33"), "𠀀中€a龦");
    expect_in_any_split("UTF-8", "a阿é𠀀\n", "a阿é𠀀\n");
    expect_in_any_split("LATIN1", hex("63 61 66 e9"), "café");
    expect_in_any_split("UTF-16LE", hex("2d4e 3dd8 00de 6100"), "中😀a");
    // Two code points for one character: the converter keeps the second.
    expect_in_any_split("BIG5-HKSCS", hex("61 8862 62 8862"), "aÊ̄bÊ̄");
    // With shift sequences between.
    expect_in_any_split("ISO-2022-JP", hex("61 1b2442 467c 1b2842 62"), "a日b");
}

TEST(text_encoding_test, shows_escaped_what_is_malformed) {
    expect_in_any_split("GBK", hex("61 ff 62 81 20 63"), "a\\xffb\\x81 c");
    expect_in_any_split("GBK", hex("ffff cba7 ff"), "\\xff\\xff帅\\xff");
    expect_in_any_split("BIG5", hex("a4a4 a420 a4a4 ff"), "中\\xa4 中\\xff");
    expect_in_any_split("SHIFT_JIS", hex("93fa 9320 ff 967b"), "日\\x93 \\xff本");
    expect_in_any_split("GB18030", hex("8130 8120 d6d0"), "\\x810\\x81 中");
    expect_in_any_split(
        "UTF-8", hex("61 c3 28 eda080 f8 e998 62"), "a\\xc3(\\xed\\xa0\\x80\\xf8\\xe9\\x98b"
    );
    expect_in_any_split("ASCII", hex("61 e9 62"), "a\\xe9b");
    // This converter uses up what it cannot convert.
    expect_in_any_split("UHC", hex("23 a2e8 5d a2e8"), "#\\xa2\\xe8]\\xa2\\xe8");
    // Above U+10FFFF.
    expect_in_any_split(
        "UTF-8",
        hex("61 f4908080 f48fbfbf f5808080"),
        "a\\xf4\\x90\\x80\\x80\xf4\x8f\xbf\xbf\\xf5\\x80\\x80\\x80"
    );
}

TEST(text_encoding_test, shows_escaped_what_is_unfinished_at_the_end) {
    expect_in_any_split("GBK", hex("cba7 b1"), "帅\\xb1");
    expect_in_any_split("BIG5", hex("61 a4"), "a\\xa4");
    expect_in_any_split("SHIFT_JIS", hex("93fa 96"), "日\\x96");
    expect_in_any_split("GB18030", hex("d6d0 953282"), "中\\x95\\x32\\x82");
    expect_in_any_split("UTF-8", hex("e9 98"), "\\xe9\\x98");
}

TEST(text_encoding_test, gives_a_character_as_soon_as_it_is_whole) {
    text_decoder decoder("GBK");
    EXPECT_FALSE(decoder.unfinished());
    EXPECT_EQ(decoder.decode("a\xcb"), "a");
    EXPECT_TRUE(decoder.unfinished());
    EXPECT_EQ(decoder.decode(""), "");
    EXPECT_TRUE(decoder.unfinished());
    EXPECT_EQ(decoder.decode("\xa7"), "帅");
    EXPECT_FALSE(decoder.unfinished());
    EXPECT_EQ(decoder.decode("\xb1"), "");
    EXPECT_EQ(decoder.finish(), "\\xb1");
    EXPECT_FALSE(decoder.unfinished());
    EXPECT_EQ(decoder.finish(), "");
    EXPECT_EQ(decoder.decode("\xb1\xc6"), "逼");
}

TEST(text_encoding_test, begins_a_new_text_unshifted) {
    text_decoder decoder("ISO-2022-JP");
    EXPECT_EQ(decoder.decode(hex("1b2442 467c")), "日");
    EXPECT_EQ(decoder.finish(), "");
    EXPECT_EQ(decoder.decode("ab"), "ab");
}

TEST(text_encoding_test, can_be_moved) {
    text_decoder decoder("GBK");
    EXPECT_EQ(decoder.decode("\xcb"), "");
    text_decoder other(std::move(decoder));
    EXPECT_EQ(other.decode("\xa7"), "帅");
}

TEST(text_encoding_test, converts_long_texts) {
    std::string text;
    std::string bytes;
    for (int i = 0; i < 50'000; ++i) {
        text += "帅a";
        bytes += "\xcb\xa7"
                 "a";
    }
    EXPECT_EQ(decode("GBK", {bytes}), text);
    EXPECT_EQ(text_encoder("GBK").encode(text), bytes);
}

TEST(text_encoding_test, converts_long_texts_around_what_is_malformed) {
    const std::string good(4095, 'a');
    for (const auto* encoding : {"GBK", "ISO-2022-JP", "UTF-8"}) {
        const std::string expected = good + "\\xff" + good + "b" + good;
        EXPECT_EQ(decode(encoding, {good + "\xff" + good, "b" + good}), expected) << encoding;
    }
    // A character lies on the border of two blocks, and shifts last.
    EXPECT_EQ(decode("GBK", {good + hex("cba7") + good}), good + "帅" + good);
    std::string shifted, text;
    for (int i = 0; i < 5000; ++i) {
        shifted += hex("467c");
        text += "日";
    }
    EXPECT_EQ(decode("ISO-2022-JP", {hex("1b2442") + shifted + hex("1b2842") + "b"}), text + "b");
}

TEST(text_encoding_test, drops_nothing_of_any_bytes_in_any_split) {
    std::mt19937 random(1);
    for (const auto* encoding :
         {"GBK", "GB18030", "BIG5", "SHIFT_JIS", "UTF-8", "EUC-JP", "UTF-16LE", "UHC"}) {
        for (int round = 0; round < 300; ++round) {
            std::string bytes;
            for (std::size_t i = 0; i < 8; ++i)
                bytes += static_cast<char>(random() % 3 == 0 ? random() % 128 : random() % 256);
            const std::string whole = decode(encoding, {bytes});
            EXPECT_FALSE(whole.empty());
            for_each_split(bytes, [&](const std::vector<std::string_view>& pieces) {
                ASSERT_EQ(decode(encoding, pieces), whole)
                    << encoding << ' ' << ::testing::PrintToString(pieces);
            });
            // What came out is UTF-8.
            EXPECT_EQ(decode("UTF-8", {whole}), whole);
        }
    }
}

TEST(text_encoding_test, encodes) {
    EXPECT_EQ(text_encoder("GBK").encode("帅逼"), hex("cba7b1c6"));
    EXPECT_EQ(text_encoder("BIG5").encode("中a"), hex("a4a4 61"));
    EXPECT_EQ(text_encoder("SHIFT_JIS").encode("日本語"), hex("93fa967b8cea"));
    EXPECT_EQ(text_encoder("GB18030").encode("𠀀"), hex("95328236"));
    EXPECT_EQ(text_encoder("LATIN1").encode("é"), hex("e9"));
    EXPECT_EQ(text_encoder("UTF-8").encode("阿"), "阿");
    EXPECT_EQ(text_encoder("GBK").encode(""), "");
    EXPECT_EQ(text_encoder("GBK").encode(std::string_view("\0", 1)), std::string(1, '\0'));
    text_encoder shifting("ISO-2022-JP");
    for (int i = 0; i < 2; ++i)  // each text begins and ends unshifted
        EXPECT_EQ(shifting.encode("日"), hex("1b2442 467c 1b2842"));
}

TEST(text_encoding_test, names_the_character_that_cannot_be_encoded) {
    EXPECT_THAT(complaint("GBK", "帅😀"), HasSubstr("U+1F600 (😀) at byte 3 is not in GBK"));
    EXPECT_THAT(complaint("ascii", "é"), HasSubstr("U+00E9 (é) at byte 0 is not in ascii"));
    EXPECT_THAT(complaint("ascii", "\xc2\x85"), HasSubstr("U+0085 (\\xc2\\x85)"));
    EXPECT_THAT(complaint("GBK", "a\xff"), HasSubstr("\\xff at byte 1 is no UTF-8"));
    EXPECT_THAT(complaint("GBK", "a\xe9\x98"), HasSubstr("\\xe9 at byte 1 is no UTF-8"));
    EXPECT_THAT(complaint("GBK", "\xed\xa0\x80"), HasSubstr("\\xed at byte 0 is no UTF-8"));
    EXPECT_THAT(complaint("UTF-8", "\xf4\x90\x80\x80"), HasSubstr("\\xf4 at byte 0 is no UTF-8"));
    // The C library leaves tags out of what has none.
    EXPECT_THAT(
        complaint("GBK", "a\U000E0041b"), HasSubstr("U+E0041 (\\xf3\\xa0\\x81\\x81) at byte 1")
    );
    EXPECT_EQ(text_encoder("UTF-16LE").encode("\U000E0041"), hex("40db41dc"));
    text_encoder gbk("GBK");
    EXPECT_THROW(gbk.encode("帅😀"), system_error);
    EXPECT_EQ(gbk.encode("帅"), hex("cba7"));
}

TEST(text_encoding_test, substitutes_what_cannot_be_encoded) {
    const auto gbk = [](std::string_view text) { return text_encoder("GBK").encode(text, "?"); };
    EXPECT_EQ(gbk(""), "");
    EXPECT_EQ(gbk("帅逼"), hex("cba7b1c6"));
    EXPECT_EQ(
        gbk("a\xff"
            "b😀阿"),
        "a?b?" + hex("b0a2")
    );
    EXPECT_EQ(gbk("😀"), "?");
    EXPECT_EQ(gbk("\xff"), "?");
    EXPECT_EQ(gbk("a\xe9\x98"), "a?");  // the beginning of a character
    EXPECT_EQ(gbk("\xc0\xaf\xed\xa0\x80."), "??.");
    EXPECT_EQ(
        gbk("a\U000E0041"
            "b"),
        "a?b"
    );
    EXPECT_EQ(text_encoder("UTF-16LE").encode("a\xff", "?"), std::string("a\0?\0", 4));
    EXPECT_EQ(text_encoder("ISO-2022-JP").encode("日😀", "?"), hex("1b2442 467c 1b2842 3f"));
}

TEST(text_encoding_test, substitutes_in_long_texts) {
    std::string text, expected;
    for (int i = 0; i < 30'000; ++i) {
        text += i % 1000 == 0 ? "😀" : i % 777 == 0 ? "\xff" : "中a";
        expected += i % 1000 == 0 || i % 777 == 0 ? "?" : hex("d6d0 61");
    }
    EXPECT_EQ(text_encoder("GBK").encode(text, "?"), expected);
    const std::string none(200'000, '\xff');
    EXPECT_EQ(text_encoder("GBK").encode(none, "?"), std::string(none.size(), '?'));
    std::string strange;
    for (int i = 0; i < 50'000; ++i)
        strange += "😀";
    EXPECT_EQ(text_encoder("GBK").encode(strange, "?"), std::string(50'000, '?'));
}

TEST(text_encoding_test, tells_utf8) {
    for (const auto* text : {"", "a", "阿", "😀"})
        EXPECT_TRUE(is_utf8(text)) << text;
    for (const auto* text : {"\xff", "a\xe9\x98", "\xc0\xaf", "\xed\xa0\x80"})
        EXPECT_FALSE(is_utf8(text)) << text;
}

TEST(text_encoding_test, takes_names_as_people_write_them) {
    for (const auto* name :
         {"gbk",
          "GBK",
          "GB-18030",
          "Big-5",
          "big5",
          "Shift-JIS",
          "shiftjis",
          "SJIS",
          "Latin-1",
          "latin1",
          "iso-8859-1",
          "utf8",
          "UTF-8",
          "cp936",
          "euc_jp"})
        EXPECT_EQ(complaint(name), "none") << name;
}

TEST(text_encoding_test, refuses_other_names_and_suggests) {
    EXPECT_EQ(
        complaint("GKB"), "encoding \"GKB\" is unknown; did you mean GBK? iconv --list shows all"
    );
    EXPECT_THAT(complaint("shift-jiss"), HasSubstr("did you mean SHIFT_JIS?"));
    EXPECT_THAT(complaint("klingonese"), HasSubstr("is unknown; try GBK, "));
    // What iconv would take for something else than a name.
    for (const auto* name :
         {"", "-", "GBK//IGNORE", "GBK//TRANSLIT", "//", "../x", "gb k,", "\x1b[2J", "GBK,"})
        EXPECT_THAT(complaint(name), HasSubstr(" is unknown; ")) << name;
    EXPECT_THAT(complaint("\x1b[2J"), HasSubstr("encoding \"\\x1b[2J\" "));
    EXPECT_THROW(text_encoder("GKB"), configuration_error);
}

}  // namespace
}  // namespace coserve
