#include "codec_check.hpp"

#include <coserve/varint.hpp>

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
using codec_check::hex;
using codec_check::mistake_in;
using codec_check::outcome;

constexpr std::uint64_t highest = std::numeric_limits<std::uint64_t>::max();

auto maker(std::size_t max_frame = 1000) {
    return [max_frame] {
        auto c = std::make_unique<varint_codec>();
        c->set_max_frame(max_frame);
        return c;
    };
}

TEST(varint_test, delivers_payloads) {
    expect_in_any_split(
        maker(), hex("03") + "abc" + hex("00 01") + "x", {.frames = {"abc", "", "x"}}
    );
    const std::string long_one(300, 'p');
    expect_in_random_splits(
        maker(),
        hex("ac02") + long_one + hex("7f") + std::string(127, 'q') + hex("8001") +
            std::string(128, 'r'),
        {.frames = {long_one, std::string(127, 'q'), std::string(128, 'r')}},
        1
    );
}

TEST(varint_test, refuses_lengths_that_are_longer_than_they_need_be) {
    for (const auto* input : {"8000", "8100", "ff00", "ffff00", "80808000", "ffffffffffffffffff00"})
        expect_in_any_split(maker(), hex(input), {.error = errc::malformed_frame});
}

TEST(varint_test, refuses_lengths_beyond64_bits_with_their_tenth_byte) {
    for (const auto* tenth : {"02", "7f", "80", "81", "ff"}) {
        varint_codec c;
        c.set_max_frame(highest);
        feeder stream(c);
        stream.feed(hex("ffffffffffffffffff"));
        EXPECT_FALSE(stream.so_far().error);
        stream.feed(hex(tenth));
        EXPECT_EQ(stream.so_far().error, errc::malformed_frame) << tenth;
        expect_in_any_split(
            maker(),
            hex("808080808080808080") + hex(tenth) + "more",
            {.error = errc::malformed_frame}
        );
    }
}

TEST(varint_test, takes_every_length_of64_bits) {
    expect_in_any_split(
        maker(highest),
        hex("ffffffffffffffffff01"),
        {.error = errc::frame_too_long, .declared = highest}
    );
    expect_in_any_split(
        maker(),
        hex("80808080808080808001"),
        {.error = errc::frame_too_long, .declared = std::uint64_t{1} << 63}
    );
    expect_in_any_split(maker(highest), hex("f5ffffffffffffffff01"), {.have = 10, .due = highest});
}

TEST(varint_test, refuses_a_length_over_the_maximum_when_it_is_complete) {
    expect_in_any_split(maker(3), hex("03") + "abc", {.frames = {"abc"}});
    expect_in_any_split(maker(3), hex("04"), {.error = errc::frame_too_long, .declared = 4});
    expect_in_any_split(maker(300), hex("ad02"), {.error = errc::frame_too_long, .declared = 301});
    expect_in_any_split(
        maker(0), hex("0001"), {.frames = {""}, .error = errc::frame_too_long, .declared = 1}
    );
}

TEST(varint_test, an_end_inside_a_frame_says_what_was_there_and_due) {
    expect_in_any_split(maker(), "", {});
    expect_in_any_split(maker(), hex("ac"), {.have = 1});
    expect_in_any_split(maker(), hex("0161ac02") + "ab", {.frames = {"a"}, .have = 4, .due = 302});
}

TEST(varint_test, says_how_much_the_frame_needs_once_it_knows) {
    varint_codec c;
    feeder stream(c);
    stream.feed(hex("ac"));
    EXPECT_EQ(stream.needed(), 0u);
    stream.feed(hex("02"));
    EXPECT_EQ(stream.needed(), 302u);
}

TEST(varint_test, a_new_maximum_is_good_for_the_next_frame) {
    varint_codec c;
    feeder stream(c);
    stream.feed(hex("05") + "ab");
    c.set_max_frame(1);
    stream.feed("cde" + hex("01") + "x");
    EXPECT_EQ(stream.so_far().frames, frames({"abcde", "x"}));
    stream.feed(hex("02"));
    EXPECT_EQ(stream.so_far().error, errc::frame_too_long);
}

TEST(varint_test, begins_again_after_a_raw_read) {
    varint_codec c;
    feed(c, {hex("05") + "ab"});
    c.restart();
    EXPECT_EQ(feed(c, {hex("01") + "x"}), (outcome{.frames = {"x"}}));
}

TEST(varint_test, writes_lengths_in_as_few_bytes_as_they_need) {
    varint_codec c;
    const std::pair<std::size_t, const char*> lengths[] = {
        {0, "00"},
        {1, "01"},
        {127, "7f"},
        {128, "8001"},
        {300, "ac02"},
        {16'383, "ff7f"},
        {16'384, "808001"}
    };
    for (const auto& [size, length] : lengths)
        EXPECT_EQ(encoded(c, std::string(size, 'x')), hex(length) + std::string(size, 'x'));
    c.set_max_frame(3);
    EXPECT_EQ(encoded(c, "abc"), hex("03") + "abc");
    EXPECT_EQ(error_of(c, "ab", "cd"), errc::frame_too_long);
}

TEST(varint_test, random_payloads_come_back) {
    for (unsigned seed = 0; seed < 20; ++seed) {
        std::mt19937 random(seed);
        varint_codec c;
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

TEST(varint_test, has_no_options_of_its_own) {
    EXPECT_EQ(mistake_in<varint_codec>({}), "none");
}

static_assert(sizeof(varint_codec) <= 32);

}  // namespace
}  // namespace coserve
