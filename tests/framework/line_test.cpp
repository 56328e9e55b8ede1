#include "codec_check.hpp"

#include <coserve/line.hpp>

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
using codec_check::read_options;
using options = line_codec::options;

auto maker(options o = {}, std::size_t max_frame = 1000) {
    return [o, max_frame] {
        auto c = std::make_unique<line_codec>(o);
        c->set_max_frame(max_frame);
        return c;
    };
}

TEST(line_test, delivers_lines_without_their_ends) {
    expect_in_any_split(
        maker(), "line 1\nline 2\r\nline 3\n\r\n", {.frames = {"line 1", "line 2", "line 3", ""}}
    );
    expect_in_any_split(maker(), "\n\n", {.frames = {"", ""}});
}

TEST(line_test, one_carriage_return_before_the_end_is_dropped) {
    expect_in_any_split(maker(), "a\rb\r\r\n\r\n", {.frames = {"a\rb\r", ""}});
}

TEST(line_test, keeps_ends_where_it_is_told) {
    expect_in_any_split(
        maker({.keep_end = true}), "1\n2\r\n\n\r\n", {.frames = {"1\n", "2\r\n", "\n", "\r\n"}}
    );
}

TEST(line_test, an_end_inside_a_line_says_what_was_there) {
    expect_in_any_split(maker(), "", {});
    expect_in_any_split(maker(), "a\nbcd", {.frames = {"a"}, .have = 3});
    expect_in_any_split(maker(), "a\n\r", {.frames = {"a"}, .have = 1});
}

TEST(line_test, refuses_a_line_as_soon_as_it_passes_the_maximum) {
    for (const bool keep : {false, true}) {
        auto c = maker({.keep_end = keep}, 3)();
        feeder stream(*c);
        stream.feed("abc");
        EXPECT_FALSE(stream.so_far().error);
        stream.feed("d");
        EXPECT_EQ(stream.end(), (outcome{.error = errc::frame_too_long}));
    }
    // It may be a part of the end.
    auto c = maker({}, 3)();
    feeder stream(*c);
    stream.feed("abc\r");
    EXPECT_FALSE(stream.so_far().error);
    stream.feed("\r");
    EXPECT_EQ(stream.end(), (outcome{.error = errc::frame_too_long}));
}

TEST(line_test, the_maximum_counts_the_payload_alone) {
    expect_in_any_split(maker({}, 3), "abc\nabc\r\n", {.frames = {"abc", "abc"}});
    expect_in_any_split(maker({.keep_end = true}, 3), "abc\r\n", {.frames = {"abc\r\n"}});
    for (const auto* input : {"abcd\n", "abcd\r\n", "abc\r\r\n", "abcd", "abc\rd"})
        expect_in_any_split(maker({}, 3), input, {.error = errc::frame_too_long});
    expect_in_any_split(
        maker({}, 0), "\n\r\nx", {.frames = {"", ""}, .error = errc::frame_too_long}
    );
}

TEST(line_test, a_new_maximum_is_good_for_the_next_line) {
    line_codec c;
    feeder stream(c);
    stream.feed("abc");
    c.set_max_frame(1);
    stream.feed("de\nf\n");
    EXPECT_EQ(stream.so_far().frames, frames({"abcde", "f"}));
    stream.feed("g");
    c.set_max_frame(2);
    stream.feed("h");
    EXPECT_EQ(stream.so_far().error, errc::frame_too_long);
}

TEST(line_test, skips_lines_that_are_too_long_and_goes_on) {
    const options skip{.too_long = on_too_long::skip};
    expect_in_any_split(
        maker(skip, 3),
        "ab\nlonger\nabc\r\nlonger\r\n\nabcd\n",
        {.frames = {"ab", "abc", ""}, .skipped = 20, .reports = {0, 0, 0}}
    );
    expect_in_any_split(maker(skip, 3), "abcdef", {.skipped = 6, .reports = {0}, .have = 6});
}

TEST(line_test, skips_without_holding_and_reports_once) {
    auto c = maker({.too_long = on_too_long::skip}, 10)();
    feeder stream(*c);
    for (std::uint64_t i = 1; i <= 1000; ++i) {
        stream.feed(std::string(1000, 'x') + "\r");
        EXPECT_EQ(stream.buffered(), 0u);
        EXPECT_EQ(c->unfinished(0).have, 1001 * i);
        EXPECT_EQ(c->unfinished(0).due, 0u);
    }
    c->set_max_frame(5);
    stream.feed("\nabcde\n");
    EXPECT_EQ(stream.end(), (outcome{.frames = {"abcde"}, .skipped = 1'001'001, .reports = {0}}));
}

TEST(line_test, begins_again_after_a_raw_read) {
    auto c = maker({.too_long = on_too_long::skip}, 5)();
    for (const auto* begun : {"abc", "abcdefgh"}) {
        feed(*c, {begun});
        c->restart();
        EXPECT_TRUE(c->unfinished(0).empty());
        EXPECT_EQ(feed(*c, {"x\nabcd\n"}), (outcome{.frames = {"x", "abcd"}}));
    }
}

// What was searched is not searched again: this takes minutes otherwise.
TEST(line_test, one_byte_at_a_time_takes_linear_time) {
    line_codec c;
    const bytes input(std::size_t{4} << 20, std::byte{'x'});
    for (std::size_t size = 1; size <= input.size(); ++size)
        ASSERT_EQ(c.decode(std::span(input).first(size)).what, decoded::outcome::need_more);
}

TEST(line_test, ends_lines_with_a_newline) {
    line_codec c;
    EXPECT_EQ(encoded(c, ""), "\n");
    EXPECT_EQ(encoded(c, "abcdef"), "abcdef\n");
    EXPECT_EQ(encoded(c, "\rab"), "\rab\n");
}

TEST(line_test, leaves_the_output_alone_where_it_cannot_write) {
    line_codec c;
    for (const auto* payload : {"\n", "a\n", "\na", "a\r", "\r", "a\r\n"}) {
        EXPECT_EQ(error_of(c, payload, ""), errc::unencodable_frame);
        EXPECT_EQ(error_of(c, "", payload), errc::unencodable_frame);
    }
    EXPECT_EQ(error_of(c, "a\n", "b"), errc::unencodable_frame);
    c.set_max_frame(3);
    EXPECT_EQ(encoded(c, "abc"), "abc\n");
    EXPECT_EQ(error_of(c, "ab", "cd"), errc::frame_too_long);
}

TEST(line_test, a_kept_end_is_written_once) {
    auto c = maker({.keep_end = true}, 3)();
    for (const auto* payload : {"abc\n", "abc\r\n", "\n", "\r\n", "a\r\r\n"})
        EXPECT_EQ(encoded(*c, payload), payload);
    EXPECT_EQ(encoded(*c, "abc"), "abc\n");
    EXPECT_EQ(encoded(*c, ""), "\n");
    envelope e;
    EXPECT_FALSE(c->encode("abc\r", "\n", e));
    EXPECT_EQ(codec_check::wire(e), "abc\r\n");
    EXPECT_EQ(error_of(*c, "abcd", "\n"), errc::frame_too_long);
    EXPECT_EQ(error_of(*c, "a\n", "\n"), errc::unencodable_frame);
    EXPECT_EQ(error_of(*c, "a\n", "b"), errc::unencodable_frame);
}

TEST(line_test, random_payloads_come_back) {
    for (unsigned seed = 0; seed < 20; ++seed) {
        std::mt19937 random(seed);
        line_codec c;
        std::string input;
        outcome expected;
        for (int i = 0; i < 30; ++i) {
            std::string payload(random() % (random() % 4 ? 12 : 999), '\0');
            std::ranges::generate(payload, [&] {
                return static_cast<char>(random() % 3 ? '\r' : random());
            });
            if (const auto one = encoded(c, payload)) {
                input += *one;
                expected.frames.push_back(payload);
            } else {
                EXPECT_TRUE(payload.find('\n') != payload.npos || payload.back() == '\r');
            }
        }
        expect_in_random_splits(maker(), input, expected, seed);
    }
}

TEST(line_test, reads_its_options) {
    EXPECT_FALSE(read_options<line_codec>({}).keep_end);
    EXPECT_EQ(read_options<line_codec>({}).too_long, on_too_long::close);
    EXPECT_TRUE(read_options<line_codec>({{"keep-end", ""}}).keep_end);
    EXPECT_EQ(read_options<line_codec>({{"on-too-long", "skip"}}).too_long, on_too_long::skip);
    EXPECT_EQ(
        mistake_in<line_codec>({{"delimiter", "x"}}),
        "echo: unknown key \"delimiter\"; the known keys are keep-end, on-too-long"
    );
}

}  // namespace
}  // namespace coserve
