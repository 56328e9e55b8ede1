#include "codec_check.hpp"

#include <coserve/netstring.hpp>

#include <limits>

namespace coserve {
namespace {

using codec_check::encoded;
using codec_check::error_of;
using codec_check::expect_in_any_split;
using codec_check::expect_in_random_splits;
using codec_check::feed;
using codec_check::feeder;
using codec_check::frames;
using codec_check::mistake_in;
using codec_check::outcome;

constexpr std::uint64_t highest = std::numeric_limits<std::uint64_t>::max();

auto maker(std::size_t max_frame = 1000) {
    return [max_frame] {
        auto c = std::make_unique<netstring_codec>();
        c->set_max_frame(max_frame);
        return c;
    };
}

TEST(netstring_test, delivers_payloads) {
    expect_in_any_split(maker(), "0:,", {.frames = {""}});
    expect_in_any_split(maker(), "4:1:a,,", {.frames = {"1:a,"}});
    expect_in_any_split(
        maker(), "5:hello,0:,12:hello world!,", {.frames = {"hello", "", "hello world!"}}
    );
    netstring_codec c;
    EXPECT_EQ(feed(c, {"1:a,1", ":b,"}), (outcome{.frames = {"a", "b"}}));
}

TEST(netstring_test, refuses_what_is_none) {
    for (const auto* input :
         {"abc",
          "4:abcde",
          "2:aaa,",
          ":aaa,",
          "3aaa,",
          "05:aaaaa,",
          "00:,",
          "+1:a,",
          "-1:a,",
          " 1:a,",
          "1 :a,",
          "1;a,",
          ",",
          "0x1:a,"})
        expect_in_any_split(maker(), input, {.error = errc::malformed_frame});
    expect_in_any_split(maker(), "1:a,x", {.frames = {"a"}, .error = errc::malformed_frame});
}

TEST(netstring_test, refuses_at_the_first_byte_that_cannot_be) {
    for (const auto* input : {"x", ":", "01", "1x", "0:x", "2:aaa"}) {
        netstring_codec c;
        feeder stream(c);
        const std::string_view text = input;
        stream.feed(text.substr(0, text.size() - 1));
        EXPECT_FALSE(stream.so_far().error) << input;
        stream.feed(text.substr(text.size() - 1));
        EXPECT_EQ(stream.so_far().error, errc::malformed_frame) << input;
    }
}

TEST(netstring_test, refuses_a_length_over_the_maximum_when_it_is_complete) {
    expect_in_any_split(maker(3), "3:abc,", {.frames = {"abc"}});
    expect_in_any_split(maker(3), "4:", {.error = errc::frame_too_long, .declared = 4});
    expect_in_any_split(
        maker(0), "0:,1:", {.frames = {""}, .error = errc::frame_too_long, .declared = 1}
    );
    expect_in_any_split(
        maker(), "18446744073709551615:", {.error = errc::frame_too_long, .declared = highest}
    );
}

TEST(netstring_test, refuses_lengths_beyond64_bits) {
    const outcome refused{.error = errc::frame_too_long};
    for (const auto* input :
         {"1234567890123456789012", "18446744073709551616", "99999999999999999999:"})
        for (const std::size_t maximum : {std::size_t{1000}, std::size_t{highest}})
            expect_in_any_split(maker(maximum), input, refused);
    // The payload fits 64 bits, the frame does not.
    expect_in_any_split(
        maker(highest),
        "18446744073709551600:",
        {.error = errc::frame_too_long, .declared = highest - 15}
    );
    expect_in_any_split(maker(highest), "18446744073709551593:", {.have = 21, .due = highest});
}

TEST(netstring_test, an_end_inside_a_frame_says_what_was_there_and_due) {
    expect_in_any_split(maker(), "", {});
    expect_in_any_split(maker(), "12", {.have = 2});
    expect_in_any_split(maker(), "3:abc,12:ab", {.frames = {"abc"}, .have = 5, .due = 16});
    expect_in_any_split(maker(), "3:abc", {.have = 5, .due = 6});
}

TEST(netstring_test, says_how_much_the_frame_needs_once_it_knows) {
    netstring_codec c;
    feeder stream(c);
    stream.feed("12");
    EXPECT_EQ(stream.needed(), 0u);
    stream.feed(":");
    EXPECT_EQ(stream.needed(), 16u);
}

TEST(netstring_test, a_new_maximum_is_good_for_the_next_frame) {
    netstring_codec c;
    feeder stream(c);
    stream.feed("5:ab");
    c.set_max_frame(1);
    stream.feed("cde,1:x,");
    EXPECT_EQ(stream.so_far().frames, frames({"abcde", "x"}));
    stream.feed("2:");
    EXPECT_EQ(stream.so_far().error, errc::frame_too_long);
}

TEST(netstring_test, begins_again_after_a_raw_read) {
    netstring_codec c;
    feed(c, {"5:ab"});
    c.restart();
    EXPECT_EQ(feed(c, {"1:x,"}), (outcome{.frames = {"x"}}));
}

TEST(netstring_test, writes_netstrings) {
    netstring_codec c;
    EXPECT_EQ(encoded(c, ""), "0:,");
    EXPECT_EQ(encoded(c, "hello"), "5:hello,");
    EXPECT_EQ(encoded(c, std::string(12'345, 'x')), "12345:" + std::string(12'345, 'x') + ",");
    c.set_max_frame(3);
    EXPECT_EQ(encoded(c, "abc"), "3:abc,");
    EXPECT_EQ(error_of(c, "ab", "cd"), errc::frame_too_long);
}

TEST(netstring_test, random_payloads_come_back) {
    for (unsigned seed = 0; seed < 20; ++seed) {
        std::mt19937 random(seed);
        netstring_codec c;
        std::string input;
        outcome expected;
        for (int i = 0; i < 30; ++i) {
            std::string payload(random() % (random() % 4 ? 12 : 999), '\0');
            std::ranges::generate(payload, [&] { return static_cast<char>(random()); });
            input += encoded(c, payload).value();
            expected.frames.push_back(payload);
        }
        expect_in_random_splits(maker(), input, expected, seed);
    }
}

TEST(netstring_test, has_no_options_of_its_own) {
    EXPECT_EQ(mistake_in<netstring_codec>({}), "none");
}

static_assert(sizeof(netstring_codec) <= 32);

}  // namespace
}  // namespace coserve
