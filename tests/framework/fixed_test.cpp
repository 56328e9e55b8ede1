#include "codec_check.hpp"

#include <coserve/fixed.hpp>

namespace coserve {
namespace {

using codec_check::encoded;
using codec_check::error_of;
using codec_check::expect_in_any_split;
using codec_check::expect_in_random_splits;
using codec_check::feeder;
using codec_check::frames;
using codec_check::mistake_in;
using codec_check::outcome;
using codec_check::read_options;

auto maker(std::size_t size, std::size_t max_frame = 100) {
    return [size, max_frame] {
        auto c = std::make_unique<fixed_codec>(fixed_codec::options{size});
        c->set_max_frame(max_frame);
        return c;
    };
}

TEST(fixed_test, delivers_frames_of_one_size) {
    expect_in_any_split(maker(3), "abcdefghi", {.frames = {"abc", "def", "ghi"}});
    expect_in_any_split(maker(1), "abc", {.frames = {"a", "b", "c"}});
}

TEST(fixed_test, an_end_inside_a_frame_says_what_was_there_and_due) {
    expect_in_any_split(maker(4), "", {});
    expect_in_any_split(maker(4), "abcde", {.frames = {"abcd"}, .have = 1, .due = 4});
}

TEST(fixed_test, says_how_much_the_frame_needs) {
    auto c = maker(4)();
    feeder stream(*c);
    stream.feed("a");
    EXPECT_EQ(stream.needed(), 4u);
}

TEST(fixed_test, a_size_over_the_maximum_is_refused_with_the_first_byte) {
    expect_in_any_split(maker(100), std::string(100, 'x'), {.frames = {std::string(100, 'x')}});
    const outcome refused{.error = errc::frame_too_long, .declared = 101};
    expect_in_any_split(maker(101), "x", refused);
}

TEST(fixed_test, a_new_maximum_is_good_for_the_next_frame) {
    auto c = maker(4, 4)();
    feeder stream(*c);
    stream.feed("ab");
    c->set_max_frame(3);
    stream.feed("cd");
    EXPECT_EQ(stream.so_far().frames, frames({"abcd"}));
    stream.feed("e");
    EXPECT_EQ(
        stream.end(), (outcome{.frames = {"abcd"}, .error = errc::frame_too_long, .declared = 4})
    );
}

TEST(fixed_test, begins_again_after_a_raw_read) {
    auto c = maker(4, 4)();
    feeder first(*c);
    first.feed("ab");
    c->restart();
    c->set_max_frame(3);
    feeder second(*c);
    second.feed("c");
    EXPECT_EQ(second.end(), (outcome{.error = errc::frame_too_long, .declared = 4}));
}

TEST(fixed_test, writes_frames_of_that_size_alone) {
    auto c = maker(4)();
    EXPECT_EQ(encoded(*c, "abcd"), "abcd");
    EXPECT_EQ(error_of(*c, "ab", "c"), errc::unencodable_frame);
    EXPECT_EQ(error_of(*c, "ab", "cde"), errc::unencodable_frame);
    EXPECT_EQ(error_of(*c, "", ""), errc::unencodable_frame);
    c->set_max_frame(3);
    EXPECT_EQ(error_of(*c, "ab", "cd"), errc::frame_too_long);
}

TEST(fixed_test, random_payloads_come_back) {
    for (unsigned seed = 0; seed < 20; ++seed) {
        std::mt19937 random(seed);
        const std::size_t size = 1 + random() % 100;
        auto c = maker(size)();
        std::string input;
        outcome expected;
        for (int i = 0; i < 30; ++i) {
            std::string payload(size, '\0');
            std::ranges::generate(payload, [&] { return static_cast<char>(random()); });
            input += encoded(*c, payload).value();
            expected.frames.push_back(payload);
        }
        expect_in_random_splits(maker(size), input, expected, seed);
    }
}

TEST(fixed_test, has_one_option_that_must_be_given) {
    EXPECT_EQ(read_options<fixed_codec>({{"size", "4KiB"}}).size, 4096u);
    EXPECT_EQ(
        mistake_in<fixed_codec>({}),
        "echo: size: must be given with framing=fixed: the size of every frame"
    );
    EXPECT_NE(mistake_in<fixed_codec>({{"size", "0"}}), "none");
    EXPECT_THROW(fixed_codec({}), configuration_error);
    option_reader reader("echo", {{"size", "1"}});
    fixed_codec::options o;
    o.read(reader);
    EXPECT_EQ(reader.described()[0].fallback, "");
}

static_assert(sizeof(fixed_codec) <= 32);

}  // namespace
}  // namespace coserve
