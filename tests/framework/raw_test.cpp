#include "codec_check.hpp"

#include <coserve/raw.hpp>

#include <array>
#include <numeric>
#include <string>

namespace coserve {
namespace {

using codec_check::feed;
using codec_check::feeder;
using codec_check::for_each_split;
using codec_check::outcome;
using codec_check::wire;

std::string all_bytes() {
    std::string text(256, '\0');
    std::iota(text.begin(), text.end(), '\0');
    return text;
}

TEST(raw_test, each_read_is_a_frame) {
    for_each_split("Hello, world", [](const std::vector<std::string_view>& chunks) {
        raw_codec c;
        const outcome expected{.frames = {chunks.begin(), chunks.end()}};
        EXPECT_EQ(feed(c, chunks), expected);
    });
}

TEST(raw_test, every_byte_is_payload) {
    raw_codec c;
    EXPECT_EQ(feed(c, {all_bytes()}), (outcome{.frames = {all_bytes()}}));
}

TEST(raw_test, what_is_over_the_maximum_is_the_next_frame) {
    raw_codec c;
    c.set_max_frame(4);
    EXPECT_EQ(
        feed(c, {"0123456789", "ab", "cdef"}),
        (outcome{.frames = {"0123", "4567", "89", "ab", "cdef"}})
    );
}

TEST(raw_test, a_new_maximum_holds_for_the_next_frame) {
    raw_codec c;
    feeder stream(c);
    c.set_max_frame(2);
    stream.feed("0123");
    c.set_max_frame(3);
    stream.feed("45678");
    EXPECT_EQ(stream.end(), (outcome{.frames = {"01", "23", "456", "78"}}));
}

TEST(raw_test, a_maximum_of_zero_still_makes_progress) {
    raw_codec c;
    c.set_max_frame(0);
    EXPECT_EQ(feed(c, {"abc"}), (outcome{.frames = {"a", "b", "c"}}));
}

TEST(raw_test, no_input_is_no_frame) {
    raw_codec c;
    const decoded d = c.decode({});
    EXPECT_EQ(d.what, decoded::outcome::need_more);
    EXPECT_EQ(d.needed, 0u);
    EXPECT_EQ(feed(c, {"", "x", ""}), (outcome{.frames = {"x"}}));
}

TEST(raw_test, nothing_is_ever_unfinished) {
    raw_codec c;
    EXPECT_TRUE(c.unfinished(0).empty());
    EXPECT_TRUE(c.unfinished(7).empty());
    EXPECT_EQ(c.unfinished(7).due, 0u);
}

TEST(raw_test, writes_the_payload_alone) {
    raw_codec c;
    envelope e;
    e.make_prefix(3);
    e.suffix = "left over";
    ASSERT_FALSE(c.encode("head ", "body", e));
    EXPECT_EQ(wire(e), "head body");
    ASSERT_FALSE(c.encode("", "", e));
    EXPECT_EQ(wire(e), "");
    ASSERT_FALSE(c.encode({}, all_bytes(), e));
    EXPECT_EQ(e.payload[1].size(), 256u);
}

TEST(raw_test, leaves_the_output_alone_over_the_maximum) {
    raw_codec c;
    c.set_max_frame(4);
    envelope e;
    ASSERT_FALSE(c.encode("12", "34", e));
    EXPECT_EQ(c.encode("12", "345", e), errc::frame_too_long);
    EXPECT_EQ(c.encode("12345", {}, e), errc::frame_too_long);
    EXPECT_EQ(wire(e), "1234");
}

TEST(raw_test, knows_no_keys) {
    option_reader reader("echo", {{"width", "4"}});
    raw_codec::options o;
    o.read(reader);
    EXPECT_TRUE(reader.described().empty());
    EXPECT_THROW(reader.finish(), configuration_error);
}

}  // namespace
}  // namespace coserve
