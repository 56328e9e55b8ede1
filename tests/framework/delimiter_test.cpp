#include "codec_check.hpp"

#include <coserve/delimiter.hpp>

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
using options = delimiter_codec::options;

auto maker(options o, std::size_t max_frame = 1000) {
    return [o, max_frame] {
        auto c = std::make_unique<delimiter_codec>(o);
        c->set_max_frame(max_frame);
        return c;
    };
}

options ends_with(std::string delimiter) {
    return {.delimiter = std::move(delimiter), .any_of = {}};
}

options ends_with_any_of(std::string set) {
    return {.delimiter = {}, .any_of = std::move(set)};
}

options skipping(options o) {
    o.too_long = on_too_long::skip;
    return o;
}

options keeping(options o) {
    o.keep_end = true;
    return o;
}

/// What the format says of a whole stream.
outcome reference(const options& o, std::size_t maximum, std::string_view input) {
    constexpr auto npos = std::string_view::npos;
    outcome result;
    const std::size_t end_size = o.delimiter.empty() ? 1 : o.delimiter.size();
    while (!input.empty()) {
        const std::size_t at =
            o.delimiter.empty() ? input.find_first_of(o.any_of) : input.find(o.delimiter);
        // Without an end: all that cannot become a part of one is payload.
        std::size_t open = 0;
        for (std::size_t i = 1; i < end_size && i <= input.size(); ++i)
            if (input.ends_with(o.delimiter.substr(0, i)))
                open = i;
        const std::size_t payload = at == npos ? input.size() - open : at;
        const bool too_long = payload > maximum;
        if (too_long && o.too_long == on_too_long::close) {
            result.error = errc::frame_too_long;
            return result;
        }
        if (too_long) {
            result.reports.push_back(0);
            result.skipped += at == npos ? payload : at + end_size;
        }
        if (at == npos) {
            result.have = input.size();
            return result;
        }
        if (!too_long)
            result.frames.emplace_back(input.substr(0, o.keep_end ? at + end_size : at));
        input.remove_prefix(at + end_size);
    }
    return result;
}

TEST(delimiter_test, delivers_what_stands_before_delimiters) {
    expect_in_any_split(maker(ends_with("aaa")), "QWEaaXYaaa", {.frames = {"QWEaaXY"}});
    expect_in_any_split(maker(ends_with("aaa")), "XXXaaa", {.frames = {"XXX"}});
    expect_in_any_split(
        maker(ends_with("\r\n")), "a\r\n\r\n\r\r\nb\n\r\n", {.frames = {"a", "", "\r", "b\n"}}
    );
    expect_in_any_split(maker(ends_with("|")), "a||bc|", {.frames = {"a", "", "bc"}});
    expect_in_any_split(
        maker(ends_with(std::string(1, '\0'))), std::string("a\0b\0", 4), {.frames = {"a", "b"}}
    );
}

TEST(delimiter_test, delivers_the_named_splits) {
    delimiter_codec first(ends_with("aaa"));
    EXPECT_EQ(feed(first, {"QWEaa", "XYaa", "a"}), (outcome{.frames = {"QWEaaXY"}}));
    delimiter_codec second(ends_with("aaa"));
    EXPECT_EQ(feed(second, {"XXX", "a", "a", "a"}), (outcome{.frames = {"XXX"}}));
}

TEST(delimiter_test, finds_the_first_of_a_set_wherever_it_is) {
    for (const std::string set : {";|", ";|,:!"})  // few, and many
        for (const char end : set)
            for (std::size_t size : {0, 1, 63, 64, 65, 191, 192, 193, 900}) {
                const std::string frame(size, 'x');
                const outcome got =
                    feed(*maker(ends_with_any_of(set))(), {frame + end + "y|" + set});
                ASSERT_GE(got.frames.size(), 2U);
                EXPECT_EQ(got.frames[0], frame) << set << end;
                EXPECT_EQ(got.frames[1], "y") << set << end;
            }
}

TEST(delimiter_test, delivers_what_stands_before_any_of_a_set) {
    expect_in_any_split(
        maker(ends_with_any_of(";\n")), "a;b\n\n;c", {.frames = {"a", "b", "", ""}, .have = 1}
    );
    expect_in_any_split(maker(ends_with_any_of("||")), "a|b|", {.frames = {"a", "b"}});
    expect_in_any_split(
        maker(ends_with_any_of("\xff\x80")), "a\xff\x7f\x80", {.frames = {"a", "\x7f"}}
    );
}

TEST(delimiter_test, keeps_ends_where_it_is_told) {
    expect_in_any_split(
        maker(keeping(ends_with("\r\n")), 1), "a\r\n\r\n", {.frames = {"a\r\n", "\r\n"}}
    );
    expect_in_any_split(
        maker(keeping(ends_with_any_of(";!")), 1), "a;b!", {.frames = {"a;", "b!"}}
    );
}

TEST(delimiter_test, an_end_inside_a_frame_says_what_was_there) {
    expect_in_any_split(maker(ends_with("ab")), "", {});
    expect_in_any_split(maker(ends_with("ab")), "xaba", {.frames = {"x"}, .have = 1});
}

TEST(delimiter_test, refuses_a_frame_as_soon_as_it_passes_the_maximum) {
    const auto refused_after = [](const options& o, std::string_view good, std::string_view one_more
                               ) {
        auto c = maker(o, 3)();
        feeder stream(*c);
        stream.feed(good);
        EXPECT_FALSE(stream.so_far().error) << good;
        stream.feed(one_more);
        EXPECT_EQ(stream.so_far().error, errc::frame_too_long) << good << one_more;
    };
    refused_after(ends_with("|"), "abc", "d");
    refused_after(ends_with_any_of("|;"), "abc", "d");
    refused_after(ends_with("--"), "abc", "d");
    // What may be the beginning of the end does not count yet.
    refused_after(ends_with("--"), "abc-", "d");
    refused_after(ends_with("--|"), "abc--", "-");
    refused_after(ends_with("--"), "ab-", "cd");
}

TEST(delimiter_test, the_maximum_counts_the_payload_alone) {
    for (const bool keep : {false, true}) {
        options o = ends_with("--");
        o.keep_end = keep;
        expect_in_any_split(maker(o, 3), "abc--", {.frames = {keep ? "abc--" : "abc"}});
        expect_in_any_split(maker(o, 3), "abcd--", {.error = errc::frame_too_long});
    }
    expect_in_any_split(
        maker(ends_with("--"), 0), "--x", {.frames = {""}, .error = errc::frame_too_long}
    );
}

TEST(delimiter_test, a_new_maximum_is_good_for_the_next_frame) {
    delimiter_codec c(ends_with("--"));
    feeder stream(c);
    stream.feed("-");  // begun, though nothing of it is searched through
    c.set_max_frame(1);
    stream.feed("bcde--f--");
    EXPECT_EQ(stream.so_far().frames, frames({"-bcde", "f"}));
    stream.feed("gh");
    EXPECT_EQ(stream.so_far().error, errc::frame_too_long);
}

TEST(delimiter_test, skips_frames_that_are_too_long_and_goes_on) {
    expect_in_any_split(
        maker(skipping(ends_with("aab")), 3),
        "xyaabxaaaaaaaabaabxxxxaaabzaab",
        {.frames = {"xy", "", "z"}, .skipped = 18, .reports = {0, 0}}
    );
    expect_in_any_split(
        maker(skipping(ends_with("--")), 3), "abcdef-", {.skipped = 6, .reports = {0}, .have = 7}
    );
}

TEST(delimiter_test, skips_without_holding_and_reports_once) {
    auto c = maker(skipping(ends_with("--end--")), 10)();
    feeder stream(*c);
    std::string piece(995, 'x');
    piece += "--end";
    for (std::uint64_t i = 1; i <= 1000; ++i) {
        stream.feed(piece);
        EXPECT_EQ(stream.buffered(), 5u);
        EXPECT_EQ(c->unfinished(5).have, 1000 * i);
    }
    c->set_max_frame(5);
    stream.feed("--abcde--end--");
    EXPECT_EQ(stream.end(), (outcome{.frames = {"abcde"}, .skipped = 1'000'002, .reports = {0}}));
}

TEST(delimiter_test, begins_again_after_a_raw_read) {
    auto c = maker(skipping(ends_with("--")), 5)();
    for (const auto* begun : {"abc-", "abcdefgh-"}) {
        feed(*c, {begun});
        c->restart();
        EXPECT_TRUE(c->unfinished(0).empty());
        EXPECT_EQ(feed(*c, {"x--abcd--"}), (outcome{.frames = {"x", "abcd"}}));
    }
}

// What was searched is not searched again: this takes minutes otherwise.
TEST(delimiter_test, one_byte_at_a_time_takes_linear_time) {
    const bytes input(std::size_t{1} << 20, std::byte{'-'});
    for (const auto& o : {ends_with("--|"), ends_with_any_of("|;"), ends_with("|")}) {
        delimiter_codec c(o);
        for (std::size_t size = 1; size <= input.size(); ++size)
            ASSERT_EQ(c.decode(std::span(input).first(size)).what, decoded::outcome::need_more);
    }
}

TEST(delimiter_test, random_streams_are_what_the_format_says) {
    for (unsigned seed = 0; seed < 3000; ++seed) {
        std::mt19937 random(seed);
        const std::string letters = "ab|";
        const auto letter = [&] { return letters[random() % letters.size()]; };
        options o;
        std::string& end = random() % 3 == 0 ? o.any_of : o.delimiter;
        end.resize(1 + random() % 4);
        std::ranges::generate(end, letter);
        o.keep_end = random() % 2;
        o.too_long = random() % 4 ? on_too_long::skip : on_too_long::close;
        const std::size_t maximum = random() % 12;
        std::string input(random() % 200, '\0');
        std::ranges::generate(input, letter);
        SCOPED_TRACE(
            "delimiter " + o.delimiter + " any of " + o.any_of + " max " + std::to_string(maximum) +
            " in " + input
        );
        expect_in_random_splits(maker(o, maximum), input, reference(o, maximum, input), seed);
        if (seed % 30 == 0)
            expect_in_any_split(
                maker(o, maximum),
                std::string_view(input).substr(0, 20),
                reference(o, maximum, std::string_view(input).substr(0, 20))
            );
    }
}

TEST(delimiter_test, writes_the_delimiter_or_the_sets_first_byte) {
    delimiter_codec text(ends_with("\r\n"));
    EXPECT_EQ(encoded(text, "abc"), "abc\r\n");
    EXPECT_EQ(encoded(text, "\nabc"), "\nabc\r\n");
    delimiter_codec byte(ends_with("|"));
    EXPECT_EQ(encoded(byte, ""), "|");
    delimiter_codec set(ends_with_any_of(";!"));
    EXPECT_EQ(encoded(set, "abc"), "abc;");
}

TEST(delimiter_test, leaves_the_output_alone_where_it_cannot_write) {
    delimiter_codec text(ends_with("aba"));
    for (const auto* header : {"aba", "xabax", "ab", "xab"})
        EXPECT_EQ(error_of(text, header, "ay"), errc::unencodable_frame) << header;
    EXPECT_EQ(error_of(text, "x", "yaba"), errc::unencodable_frame);
    // With the delimiter behind it, "ab" + "aba" has one that begins too early.
    EXPECT_EQ(error_of(text, "ab", ""), errc::unencodable_frame);
    EXPECT_EQ(error_of(text, "a", "b"), errc::unencodable_frame);
    EXPECT_EQ(encoded(text, "ba"), "baaba");
    delimiter_codec set(ends_with_any_of(";!"));
    EXPECT_EQ(error_of(set, "a!", "b"), errc::unencodable_frame);
    EXPECT_EQ(error_of(set, "a", "b;"), errc::unencodable_frame);
    set.set_max_frame(3);
    EXPECT_EQ(encoded(set, "abc"), "abc;");
    EXPECT_EQ(error_of(set, "ab", "cd"), errc::frame_too_long);
}

TEST(delimiter_test, a_kept_end_is_written_once) {
    auto text = maker(keeping(ends_with("\r\n")), 3)();
    EXPECT_EQ(encoded(*text, "abc\r\n"), "abc\r\n");
    EXPECT_EQ(encoded(*text, "abc"), "abc\r\n");
    EXPECT_EQ(encoded(*text, "\r\n"), "\r\n");
    EXPECT_EQ(error_of(*text, "abcd\r", "\n"), errc::frame_too_long);
    EXPECT_EQ(error_of(*text, "\r\n\r", "\n"), errc::unencodable_frame);
    auto set = maker(keeping(ends_with_any_of(";!")), 3)();
    EXPECT_EQ(encoded(*set, "abc!"), "abc!");
    EXPECT_EQ(encoded(*set, "abc"), "abc;");
    EXPECT_EQ(error_of(*set, "a!", "!"), errc::unencodable_frame);
}

TEST(delimiter_test, what_is_written_comes_back_and_nothing_else_is_refused) {
    for (unsigned seed = 0; seed < 2000; ++seed) {
        std::mt19937 random(seed);
        const auto letter = [&] { return "ab"[random() % 2]; };
        options o;
        std::string& end = random() % 3 == 0 ? o.any_of : o.delimiter;
        end.resize(1 + random() % 4);
        std::ranges::generate(end, letter);
        if (!o.any_of.empty())
            o.any_of = "a";
        o.keep_end = random() % 2;
        std::string payload(random() % 8, '\0');
        std::ranges::generate(payload, letter);
        SCOPED_TRACE("delimiter " + o.delimiter + " any of " + o.any_of + " payload " + payload);
        const std::string_view written_end = o.delimiter.empty() ? o.any_of : o.delimiter;
        const bool brings_it = o.keep_end && payload.ends_with(written_end);
        const std::string wire = payload + std::string(brings_it ? "" : written_end);
        const outcome expected{.frames = {o.keep_end ? wire : payload}};
        delimiter_codec c(o);
        if (reference(o, 1000, wire) == expected) {
            EXPECT_EQ(encoded(c, payload), wire);
            expect_in_any_split(maker(o), wire, expected);
        } else {
            EXPECT_EQ(encoded(c, payload), std::nullopt);
        }
    }
}

TEST(delimiter_test, reads_its_options) {
    const auto o = read_options<delimiter_codec>(
        {{"delimiter", "\r\n"}, {"keep-end", "on"}, {"on-too-long", "skip"}}
    );
    EXPECT_EQ(o.delimiter, "\r\n");
    EXPECT_EQ(o.any_of, "");
    EXPECT_TRUE(o.keep_end);
    EXPECT_EQ(o.too_long, on_too_long::skip);
    EXPECT_EQ(read_options<delimiter_codec>({{"any-of", ";\n"}}).any_of, ";\n");
    EXPECT_EQ(
        mistake_in<delimiter_codec>({}),
        "echo: delimiter: must be given with framing=delimiter, or any-of must"
    );
    EXPECT_EQ(
        mistake_in<delimiter_codec>({{"delimiter", ""}}),
        "echo: delimiter=: must be given with framing=delimiter, or any-of must"
    );
    EXPECT_EQ(
        mistake_in<delimiter_codec>({{"delimiter", "a"}, {"any-of", "b"}}),
        "echo: any-of=b: must not be given beside delimiter"
    );
    EXPECT_THROW(delimiter_codec(options{}), configuration_error);
    EXPECT_THROW(delimiter_codec(options{.delimiter = "a", .any_of = "b"}), configuration_error);
}

TEST(delimiter_test, copies_share_what_ends_frames) {
    delimiter_codec first(ends_with("--"));
    const delimiter_codec second(first);
    envelope one, other;
    ASSERT_FALSE(first.encode({}, "a", one));
    ASSERT_FALSE(delimiter_codec(second).encode({}, "a", other));
    EXPECT_EQ(one.suffix.data(), other.suffix.data());
}

static_assert(sizeof(delimiter_codec) <= 56);

}  // namespace
}  // namespace coserve
