#include "codec_check.hpp"

#include <coserve/length_prefix.hpp>

#include <algorithm>
#include <limits>
#include <optional>
#include <random>

namespace coserve {
namespace {

using namespace std::string_literals;
using codec_check::encoded;
using codec_check::error_of;
using codec_check::expect_in_any_split;
using codec_check::feed;
using codec_check::feeder;
using codec_check::frames;
using codec_check::hex;
using codec_check::outcome;
using codec_check::wire;
using options = length_prefix_codec::options;

constexpr std::size_t default_maximum = std::size_t{16} << 20;
constexpr std::uint64_t highest = std::numeric_limits<std::uint64_t>::max();

auto maker(options o, std::size_t max_frame = default_maximum) {
    return [o, max_frame] {
        auto c = std::make_unique<length_prefix_codec>(o);
        c->set_max_frame(max_frame);
        return c;
    };
}

/// What the format says, byte by byte and in wide arithmetic: the codec must agree with it.
struct reference {
    options o;

    std::int64_t header() const { return o.offset + o.width; }

    std::int64_t length_of(std::int64_t payload) const {
        return payload - o.adjust + (o.includes_header ? header() : 0);
    }

    std::int64_t largest() const {
        const int bits = 8 * o.width - (o.is_signed || o.width == 8 ? 1 : 0);
        return std::numeric_limits<std::int64_t>::max() >> (63 - bits);
    }

    std::optional<std::string> encode(std::string_view payload) const {
        const std::int64_t length = length_of(static_cast<std::int64_t>(payload.size()));
        if (length < 0 || length > largest())
            return std::nullopt;
        return std::string(o.offset, '\0') + field(static_cast<std::uint64_t>(length)) +
               std::string(payload);
    }

    std::string field(std::uint64_t length) const {
        std::string out;
        for (unsigned i = 0; i < o.width; ++i)
            out += static_cast<char>(length >> (8 * i));
        if (o.big_endian)
            std::reverse(out.begin(), out.end());
        return out;
    }

    std::string delivered(const std::string& encoded) const {
        return encoded.substr(o.strip.value_or(static_cast<std::uint16_t>(header())));
    }
};

template <class F>
void for_each_layout(F check) {
    for (const std::uint8_t width : {1, 2, 3, 4, 8})
        for (const bool big : {false, true})
            for (const bool is_signed : {false, true})
                for (const bool includes : {false, true})
                    for (const std::int32_t adjust : {-7, -1, 0, 1, 5})
                        for (const std::uint8_t offset : {0, 3})
                            check(options{
                                .width = width,
                                .big_endian = big,
                                .is_signed = is_signed,
                                .offset = offset,
                                .adjust = adjust,
                                .includes_header = includes
                            });
}

std::string describe(const options& o) {
    return "width " + std::to_string(o.width) + (o.big_endian ? " big" : " little") +
           (o.is_signed ? " signed" : " unsigned") + " offset " + std::to_string(o.offset) +
           " adjust " + std::to_string(o.adjust) + (o.includes_header ? " includes-header" : "") +
           " strip " + (o.strip ? std::to_string(*o.strip) : "default");
}

// Vectors

TEST(length_prefix_test, delivers_payloads_of_the_default_layout) {
    expect_in_any_split(maker({}), hex("03000000 616263"), {.frames = {"abc"}});
    expect_in_any_split(maker({}), hex("09000000") + "abcdefghi", {.frames = {"abcdefghi"}});
    expect_in_any_split(maker({}), hex("00000000 00000000"), {.frames = {"", ""}});
}

TEST(length_prefix_test, delivers_payloads_of_the_named_split) {
    length_prefix_codec c;
    const auto first = hex("0300 00");
    const auto second = hex("00 61");
    EXPECT_EQ(feed(c, {first, second, "bc"}), (outcome{.frames = {"abc"}}));
}

TEST(length_prefix_test, delivers_three_big_endian_frames) {
    const auto input =
        hex("00000009") + "abcdefghi" + hex("00000003") + "123" + hex("0000000b") + "hello world";
    expect_in_any_split(
        maker({.big_endian = true}), input, {.frames = {"abcdefghi", "123", "hello world"}}
    );
}

TEST(length_prefix_test, delivers_other_layouts) {
    expect_in_any_split(
        maker({.width = 1}),
        "\x09"
        "abcdefghi",
        {.frames = {"abcdefghi"}}
    );
    expect_in_any_split(
        maker({.width = 2, .big_endian = true, .offset = 4}),
        "zzzz" + hex("0009") + "abcdefghi",
        {.frames = {"abcdefghi"}}
    );
    expect_in_any_split(
        maker({.width = 3, .big_endian = true, .adjust = 1, .strip = 4}),
        hex("00000b0c") + "Hello world",
        {.frames = {"Hello world"}}
    );
    expect_in_any_split(
        maker({.width = 8, .is_signed = false}), hex("0200000000000000") + "hi", {.frames = {"hi"}}
    );
}

TEST(length_prefix_test, an_end_inside_a_frame_says_what_was_there_and_due) {
    expect_in_any_split(maker({}), "", {});
    expect_in_any_split(maker({}), hex("0000"), {.have = 2, .due = 0});
    expect_in_any_split(maker({}), hex("09000000") + "ab", {.have = 6, .due = 13});
    expect_in_any_split(
        maker({}), hex("01000000 61 09000000"), {.frames = {"a"}, .have = 4, .due = 13}
    );
}

TEST(length_prefix_test, refuses_negative_lengths) {
    for (const auto* input : {"ffffffff", "00000080"})
        expect_in_any_split(maker({}), hex(input), {.error = errc::negative_length});
    expect_in_any_split(
        maker({.width = 3, .big_endian = true}), hex("800000"), {.error = errc::negative_length}
    );
    expect_in_any_split(
        maker({.width = 8}), hex("0000000000000080"), {.error = errc::negative_length}
    );
    // The sign counts before anything is added.
    expect_in_any_split(maker({.adjust = 10}), hex("ffffffff"), {.error = errc::negative_length});
}

TEST(length_prefix_test, takes_the_top_bit_of_an_unsigned_field) {
    const std::string payload(200, 'x');
    expect_in_any_split(
        maker({.width = 1, .is_signed = false}), "\xc8" + payload, {.frames = {payload}}
    );
    expect_in_any_split(
        maker({.is_signed = false}),
        hex("ffffffff"),
        {.error = errc::frame_too_long, .declared = 0xffffffff}
    );
}

TEST(length_prefix_test, refuses_as_soon_as_the_length_is_complete) {
    length_prefix_codec c;
    feeder stream(c);
    stream.feed(hex("010000"));
    EXPECT_FALSE(stream.so_far().error);
    stream.feed(hex("01"));
    EXPECT_EQ(stream.so_far().error, errc::frame_too_long);
    EXPECT_EQ(stream.so_far().declared, 0x01000001u);
}

// The maximum

TEST(length_prefix_test, the_maximum_counts_the_payload_alone) {
    for (const std::uint8_t offset : {0, 3}) {
        const std::string head(offset, '-');
        const auto make = maker({.offset = offset}, 5);
        expect_in_any_split(make, head + hex("05000000") + "12345", {.frames = {"12345"}});
        expect_in_any_split(
            make, head + hex("06000000") + "12", {.error = errc::frame_too_long, .declared = 6}
        );
    }
    const options counted{.adjust = 2, .strip = 0, .includes_header = true};
    expect_in_any_split(
        maker(counted, 5), hex("07000000") + "12345", {.frames = {hex("07000000") + "12345"}}
    );
    expect_in_any_split(
        maker(counted, 5), hex("08000000"), {.error = errc::frame_too_long, .declared = 6}
    );
}

TEST(length_prefix_test, only_empty_frames_fit_a_maximum_of_zero) {
    expect_in_any_split(
        maker({}, 0),
        hex("00000000 01000000") + "x",
        {.frames = {""}, .error = errc::frame_too_long, .declared = 1}
    );
}

TEST(length_prefix_test, a_smaller_maximum_spares_the_frame_that_has_begun) {
    length_prefix_codec c;
    feeder stream(c);
    stream.feed(hex("05000000") + "12");
    c.set_max_frame(1);
    stream.feed("345" + hex("01000000") + "6");
    EXPECT_EQ(stream.so_far().frames, frames({"12345", "6"}));
    stream.feed(hex("02000000"));
    EXPECT_EQ(
        stream.end(),
        (outcome{.frames = {"12345", "6"}, .error = errc::frame_too_long, .declared = 2})
    );
}

TEST(length_prefix_test, a_new_maximum_holds_for_a_length_that_is_not_complete_yet) {
    length_prefix_codec c;
    feeder stream(c);
    stream.feed(hex("050000"));
    c.set_max_frame(4);
    stream.feed(hex("00"));
    EXPECT_EQ(stream.end(), (outcome{.error = errc::frame_too_long, .declared = 5}));
}

TEST(length_prefix_test, a_greater_maximum_does_not_spare_a_skipped_frame) {
    auto c = maker({.too_long = on_too_long::skip}, 1)();
    feeder stream(*c);
    stream.feed(hex("03000000") + "1");
    c->set_max_frame(3);
    stream.feed("23" + hex("03000000") + "456");
    EXPECT_EQ(stream.end(), (outcome{.frames = {"456"}, .skipped = 7, .reports = {3}}));
}

TEST(length_prefix_test, says_how_much_the_frame_needs_once_it_knows) {
    length_prefix_codec c;
    feeder stream(c);
    stream.feed(hex("090000"));
    EXPECT_EQ(stream.needed(), 0u);
    stream.feed(hex("00"));
    EXPECT_EQ(stream.needed(), 13u);
    stream.feed("abcdefgh");
    EXPECT_EQ(stream.needed(), 13u);
    stream.feed("i");
    EXPECT_EQ(stream.needed(), 0u);
    EXPECT_EQ(stream.end(), (outcome{.frames = {"abcdefghi"}}));
}

// Skipping

TEST(length_prefix_test, skips_frames_that_are_too_long_and_goes_on) {
    const auto make = maker({.too_long = on_too_long::skip}, 3);
    const auto input = hex("02000000") + "ab" + hex("05000000") + "-----" + hex("03000000") +
                       "cde" + hex("04000000") + "++++" + hex("00000000");
    expect_in_any_split(
        make, input, {.frames = {"ab", "cde", ""}, .skipped = 17, .reports = {5, 4}}
    );
}

TEST(length_prefix_test, skips_without_holding) {
    auto c = maker({.too_long = on_too_long::skip}, 3)();
    feeder stream(*c);
    stream.feed(hex("40420f00"));
    for (int i = 0; i < 1000; ++i) {
        EXPECT_EQ(stream.buffered(), 0u);
        EXPECT_EQ(stream.needed(), 0u);
        EXPECT_EQ(c->unfinished(0).have, 4u + 1000u * static_cast<unsigned>(i));
        EXPECT_EQ(c->unfinished(0).due, 1'000'004u);
        stream.feed(std::string(1000, '-'));
    }
    EXPECT_TRUE(c->unfinished(0).empty());
    stream.feed(hex("01000000") + "x");
    EXPECT_EQ(
        stream.end(), (outcome{.frames = {"x"}, .skipped = 1'000'004, .reports = {1'000'000}})
    );
}

TEST(length_prefix_test, an_end_inside_a_skipped_frame_is_unfinished) {
    expect_in_any_split(
        maker({.too_long = on_too_long::skip}, 3),
        hex("05000000") + "--",
        {.skipped = 6, .reports = {5}, .have = 6, .due = 9}
    );
}

TEST(length_prefix_test, skip_spares_no_broken_length) {
    const options o{.adjust = -1, .too_long = on_too_long::skip};
    expect_in_any_split(maker(o), hex("ffffffff"), {.error = errc::negative_length});
    expect_in_any_split(maker(o), hex("00000000"), {.error = errc::length_too_small});
}

// Arithmetic

TEST(length_prefix_test, refuses_lengths_that_do_not_cover_what_they_count) {
    const auto make = maker({.offset = 2, .includes_header = true});
    expect_in_any_split(make, hex("0000 06000000 0000 07000000 78"), {.frames = {"", "x"}});
    expect_in_any_split(
        make, hex("0000 05000000"), {.error = errc::length_too_small, .declared = 5}
    );
    expect_in_any_split(
        maker({.adjust = -3}), hex("02000000"), {.error = errc::length_too_small, .declared = 2}
    );
    expect_in_any_split(maker({.adjust = -3}), hex("03000000"), {.frames = {""}});
}

TEST(length_prefix_test, handles_sums_beyond64_bits) {
    const auto field = hex("ffffffffffffffff");
    for (const auto too_long : {on_too_long::close, on_too_long::skip}) {
        for (const bool includes : {false, true}) {
            const options o{
                .width = 8,
                .is_signed = false,
                .adjust = 100,
                .includes_header = includes,
                .too_long = too_long
            };
            expect_in_any_split(
                maker(o, highest), field, {.error = errc::frame_too_long, .declared = highest}
            );
        }
        // The payload fits 64 bits, the frame with its header does not.
        expect_in_any_split(
            maker({.width = 8, .is_signed = false, .too_long = too_long}, highest),
            hex("f8ffffffffffffff"),
            {.error = errc::frame_too_long, .declared = highest - 7}
        );
    }
    expect_in_any_split(
        maker({.width = 8, .is_signed = false, .adjust = INT32_MIN}, highest),
        hex("0000000000000000"),
        {.error = errc::length_too_small}
    );
}

TEST(length_prefix_test, takes_the_longest_frame_that64_bits_can_count) {
    auto c = maker({.width = 8, .is_signed = false}, highest)();
    feeder stream(*c);
    stream.feed(hex("f7ffffffffffffff"));
    EXPECT_EQ(stream.needed(), highest);
    EXPECT_EQ(stream.end(), (outcome{.have = 8, .due = highest}));
}

TEST(length_prefix_test, skips_towards_the_longest_frame_that64_bits_can_count) {
    auto c = maker({.width = 8, .is_signed = false, .too_long = on_too_long::skip})();
    feeder stream(*c);
    stream.feed(hex("f7ffffffffffffff") + "abc");
    EXPECT_EQ(
        stream.end(), (outcome{.skipped = 11, .reports = {highest - 8}, .have = 11, .due = highest})
    );
}

// Stripping

TEST(length_prefix_test, strip_leaves_as_much_of_the_header_as_it_is_told) {
    const std::string input = "zz" + hex("0003") + "abc";
    for (std::uint16_t strip = 0; strip <= 7; ++strip)
        expect_in_any_split(
            maker({.width = 2, .big_endian = true, .offset = 2, .strip = strip}),
            input,
            {.frames = {input.substr(strip)}}
        );
}

TEST(length_prefix_test, stripping_more_than_the_frame_is_an_error) {
    const auto make = maker({.width = 2, .big_endian = true, .offset = 2, .strip = 8});
    expect_in_any_split(
        make, "zz" + hex("0003") + "abc", {.error = errc::length_too_small, .declared = 3}
    );
    expect_in_any_split(make, "zz" + hex("0004") + "abcd", {.frames = {""}});
    expect_in_any_split(
        maker({.strip = 65535}), hex("00000000"), {.error = errc::length_too_small}
    );
    // Counted in what the length comes to, not in the length itself.
    expect_in_any_split(
        maker({.width = 1, .adjust = 2, .strip = 3}), hex("00 6162"), {.frames = {""}}
    );
    expect_in_any_split(
        maker({.width = 1, .adjust = -2, .strip = 2}),
        hex("02"),
        {.error = errc::length_too_small, .declared = 2}
    );
}

// All layouts

TEST(length_prefix_test, every_layout_writes_what_the_format_says) {
    for_each_layout([](const options& o) {
        SCOPED_TRACE(describe(o));
        length_prefix_codec c(o);
        for (const std::size_t size :
             {0, 1, 2, 4, 5, 6, 11, 119, 120, 121, 127, 128, 200, 255, 256, 260})
            EXPECT_EQ(
                encoded(c, std::string(size, 'p')), reference{o}.encode(std::string(size, 'p'))
            ) << size;
    });
}

TEST(length_prefix_test, every_layout_reads_what_it_writes) {
    for_each_layout([](options o) {
        const auto header = static_cast<std::uint16_t>(o.offset + o.width);
        const auto into_payload = static_cast<std::uint16_t>(header + 3);
        for (const std::optional<std::uint16_t> strip :
             {std::optional<std::uint16_t>(), {0}, {1}, {into_payload}}) {
            o.strip = strip;
            SCOPED_TRACE(describe(o));
            std::string input;
            outcome expected;
            for (const auto* payload : {"0123456", "01234"}) {
                const std::string one = *reference{o}.encode(payload);
                input += one;
                expected.frames.push_back(reference{o}.delivered(one));
            }
            expect_in_any_split(maker(o), input, expected);
        }
    });
}

TEST(length_prefix_test, every_layout_refuses_what_is_one_too_much) {
    for_each_layout([](const options& o) {
        SCOPED_TRACE(describe(o));
        const reference format{o};
        const std::string head(o.offset, '\0');
        const std::int64_t over = format.length_of(10) + 1;
        ASSERT_GE(over, 0);
        expect_in_any_split(
            maker(o, 10),
            head + format.field(static_cast<std::uint64_t>(over)),
            {.error = errc::frame_too_long, .declared = 11}
        );
        const std::int64_t under = format.length_of(0) - 1;
        if (under >= 0)
            expect_in_any_split(
                maker(o),
                head + format.field(static_cast<std::uint64_t>(under)),
                {.error = errc::length_too_small, .declared = static_cast<std::uint64_t>(under)}
            );
        if (o.is_signed)
            expect_in_any_split(
                maker(o),
                head + format.field(static_cast<std::uint64_t>(format.largest()) + 1),
                {.error = errc::negative_length}
            );
    });
}

// Writing

TEST(length_prefix_test, writes_the_default_layout) {
    length_prefix_codec c;
    EXPECT_EQ(encoded(c, "abc"), hex("03000000") + "abc");
    EXPECT_EQ(encoded(c, std::string(70'000, 'x')), hex("70110100") + std::string(70'000, 'x'));
    EXPECT_EQ(encoded(c, ""), hex("00000000"));
}

TEST(length_prefix_test, writes_zeros_before_the_length) {
    for (const std::uint8_t offset : {1, 20, 21, 255}) {
        length_prefix_codec c({.offset = offset});
        EXPECT_EQ(encoded(c, "abc"), std::string(offset, '\0') + hex("03000000") + "abc");
    }
}

TEST(length_prefix_test, writes_the_same_in_an_envelope_that_was_used_before) {
    length_prefix_codec wide({.offset = 200});
    length_prefix_codec narrow({.offset = 3});
    envelope e;
    e.suffix = "left over";
    ASSERT_FALSE(wide.encode("a", "bc", e));
    EXPECT_EQ(wire(e), std::string(200, '\0') + hex("03000000") + "abc");
    std::fill(e.make_prefix(24).begin(), e.make_prefix(24).end(), std::byte{0xee});
    ASSERT_FALSE(narrow.encode("", "d", e));
    EXPECT_EQ(wire(e), hex("000000 01000000") + "d");
}

TEST(length_prefix_test, leaves_the_output_alone_where_it_cannot_write) {
    length_prefix_codec signed_byte({.width = 1});
    length_prefix_codec unsigned_byte({.width = 1, .is_signed = false});
    length_prefix_codec adjusted({.adjust = 4});
    const std::string text(256, 'x');
    const std::string_view half = std::string_view(text).substr(128);
    EXPECT_EQ(error_of(signed_byte, "", half), errc::unencodable_frame);
    EXPECT_EQ(error_of(signed_byte, half, ""), errc::unencodable_frame);
    EXPECT_EQ(error_of(unsigned_byte, half, half), errc::unencodable_frame);
    EXPECT_EQ(error_of(adjusted, "1", "23"), errc::unencodable_frame);
    EXPECT_EQ(encoded(signed_byte, text.substr(129)), "\x7f" + text.substr(129));
    EXPECT_EQ(encoded(unsigned_byte, text.substr(1)), "\xff" + text.substr(1));
    EXPECT_EQ(encoded(adjusted, "1234"), hex("00000000") + "1234");
}

TEST(length_prefix_test, writes_up_to_the_maximum_of_the_payload) {
    length_prefix_codec c({.offset = 9, .includes_header = true});
    c.set_max_frame(3);
    EXPECT_EQ(error_of(c, "12", "34"), errc::frame_too_long);
    EXPECT_EQ(error_of(c, "1234", ""), errc::frame_too_long);
    EXPECT_EQ(encoded(c, "123"), std::string(9, '\0') + hex("10000000") + "123");
}

TEST(length_prefix_test, writing_neither_sees_nor_disturbs_reading) {
    auto c = maker({.too_long = on_too_long::skip}, 3)();
    feeder stream(*c);
    stream.feed(hex("05000000") + "-");
    EXPECT_EQ(encoded(*c, "abc"), hex("03000000") + "abc");
    stream.feed("----" + hex("01000000"));
    EXPECT_EQ(encoded(*c, "abc"), hex("03000000") + "abc");
    stream.feed("x");
    EXPECT_EQ(stream.end(), (outcome{.frames = {"x"}, .skipped = 9, .reports = {5}}));
}

// Random streams

TEST(length_prefix_test, random_streams_in_random_splits) {
    for (unsigned seed = 0; seed < 300; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937 random(seed);
        const auto below = [&](unsigned n) { return random() % n; };
        const std::uint8_t widths[] = {2, 3, 4, 8};
        const options o{
            .width = widths[below(4)],
            .big_endian = below(2) == 1,
            .is_signed = below(2) == 1,
            .offset = static_cast<std::uint8_t>(below(30)),
            .adjust = static_cast<std::int32_t>(below(40)) - 40,
            .includes_header = below(2) == 1,
            .too_long = on_too_long::skip
        };
        constexpr std::size_t maximum = 600;
        std::string input;
        outcome expected;
        for (unsigned i = 0; i < 40; ++i) {
            std::string payload(below(4) == 0 ? below(1200) : below(20), '\0');
            std::generate(payload.begin(), payload.end(), [&] {
                return static_cast<char>(random());
            });
            const std::string one = *reference{o}.encode(payload);
            input += one;
            if (payload.size() > maximum) {
                expected.skipped += one.size();
                expected.reports.push_back(payload.size());
            } else {
                expected.frames.push_back(payload);
            }
        }
        auto c = maker(o, maximum)();
        feeder stream(*c);
        for (std::string_view rest = input; !rest.empty();) {
            const std::size_t size =
                std::min<std::size_t>(rest.size(), 1 + below(below(2) ? 9 : 900));
            stream.feed(rest.substr(0, size));
            rest.remove_prefix(size);
        }
        EXPECT_EQ(stream.end(), expected);
    }
}

TEST(length_prefix_test, random_bytes_break_nothing) {
    for (unsigned seed = 0; seed < 2000; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937 random(seed);
        const std::uint8_t widths[] = {1, 2, 3, 4, 8};
        const options o{
            .width = widths[random() % 5],
            .big_endian = random() % 2 == 1,
            .is_signed = random() % 2 == 1,
            .offset = static_cast<std::uint8_t>(random() % 5),
            .adjust = static_cast<std::int32_t>(random()),
            .strip = random() % 2 ? std::optional<std::uint16_t>(random() % 20) : std::nullopt,
            .includes_header = random() % 2 == 1,
            .too_long = random() % 2 ? on_too_long::skip : on_too_long::close
        };
        std::string input(60, '\0');
        // Mostly small bytes, or hardly a length would fit.
        std::generate(input.begin(), input.end(), [&] {
            return static_cast<char>(random() % 4 ? random() % 4 : random());
        });
        const auto make = maker(o, random() % 2 ? 20 : highest);
        const auto whole = make();
        const outcome expected = feed(*whole, {input});
        // A frame whose end never comes leaves everything behind it where it is: nothing is lost or
        // made up.
        const auto again = make();
        std::vector<std::string_view> bytes_alone;
        for (std::size_t i = 0; i < input.size(); ++i)
            bytes_alone.push_back(std::string_view(input).substr(i, 1));
        EXPECT_EQ(feed(*again, bytes_alone), expected) << describe(o);
    }
}

// Options

options read(std::vector<option> given) {
    option_reader reader("echo", std::move(given));
    options o;
    o.read(reader);
    reader.finish();
    return o;
}

std::string mistake(std::vector<option> given) {
    try {
        read(std::move(given));
    } catch (const configuration_error& e) {
        return e.what();
    }
    return "none";
}

TEST(length_prefix_options_test, default_to_the_default_layout) {
    const options o = read({});
    EXPECT_EQ(o.width, 4);
    EXPECT_FALSE(o.big_endian);
    EXPECT_TRUE(o.is_signed);
    EXPECT_EQ(o.offset, 0);
    EXPECT_EQ(o.adjust, 0);
    EXPECT_EQ(o.strip, 4);
    EXPECT_FALSE(o.includes_header);
    EXPECT_EQ(o.too_long, on_too_long::close);
}

TEST(length_prefix_options_test, are_read_from_their_keys) {
    const options o = read(
        {{"width", "8"},
         {"order", "big"},
         {"signed", "off"},
         {"offset", "255"},
         {"adjust", "-17"},
         {"strip", "65535"},
         {"includes-header", ""},
         {"on-too-long", "skip"}}
    );
    EXPECT_EQ(o.width, 8);
    EXPECT_TRUE(o.big_endian);
    EXPECT_FALSE(o.is_signed);
    EXPECT_EQ(o.offset, 255);
    EXPECT_EQ(o.adjust, -17);
    EXPECT_EQ(o.strip, 65535);
    EXPECT_TRUE(o.includes_header);
    EXPECT_EQ(o.too_long, on_too_long::skip);
    EXPECT_EQ(read({{"width", "2"}, {"offset", "250"}}).strip, 252);
    EXPECT_EQ(read({{"order", "little"}, {"on-too-long", "close"}}).big_endian, false);
    EXPECT_EQ(read({{"adjust", "2147483647"}}).adjust, 2147483647);
    EXPECT_EQ(read({{"adjust", "-2147483648"}}).adjust, INT32_MIN);
}

TEST(length_prefix_test, restarts_with_whatever_comes_next) {
    for (const auto too_long : {on_too_long::close, on_too_long::skip}) {
        length_prefix_codec c({.too_long = too_long});
        c.set_max_frame(8);
        const bool skips = too_long == on_too_long::skip;
        const std::string begun =
            skips ? std::string("\x20\0\0\0he", 6) : std::string("\x05\0\0\0he", 6);
        c.decode(std::as_bytes(std::span(begun)));
        c.restart();
        EXPECT_TRUE(c.unfinished(0).empty());
        const std::string next("\x02\0\0\0ab", 6);
        const decoded d = c.decode(std::as_bytes(std::span(next)));
        EXPECT_EQ(d.what, decoded::outcome::frame);
        EXPECT_EQ(d.size, 2U);
    }
}

TEST(length_prefix_options_test, are_checked_one_by_one) {
    EXPECT_EQ(mistake({{"width", "5"}}), "echo: width=5: must be 1, 2, 3, 4 or 8");
    EXPECT_EQ(mistake({{"order", "middle"}}), "echo: order=middle: must be little or big");
    EXPECT_EQ(mistake({{"signed", "maybe"}}), "echo: signed=maybe: must be on or off");
    EXPECT_EQ(
        mistake({{"offset", "256"}}), "echo: offset=256: must be a whole number from 0 to 255"
    );
    EXPECT_EQ(
        mistake({{"adjust", "2147483648"}}),
        "echo: adjust=2147483648: must be a whole number from -2147483648 to 2147483647"
    );
    EXPECT_EQ(mistake({{"strip", "-1"}}), "echo: strip=-1: must be a whole number from 0 to 65535");
    EXPECT_EQ(mistake({{"on-too-long", "drop"}}), "echo: on-too-long=drop: must be close or skip");
    EXPECT_EQ(
        mistake({{"size", "4"}}),
        "echo: unknown key \"size\"; the known keys are width, order, signed, offset, adjust, "
        "strip, "
        "includes-header, on-too-long"
    );
}

TEST(length_prefix_options_test, a_width_that_does_not_exist_is_refused_in_code_too) {
    for (const std::uint8_t width : {0, 5, 6, 7, 9, 255})
        EXPECT_THROW(length_prefix_codec(options{.width = width}), configuration_error)
            << int{width};
}

}  // namespace
}  // namespace coserve
