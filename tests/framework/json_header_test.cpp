#include "codec_check.hpp"
#include "stream_pair.hpp"

#include "stream_state.hpp"

#include <coserve/framing.hpp>
#include <coserve/json_header.hpp>

#include <gmock/gmock.h>

#include <cstdio>
#include <random>

namespace coserve {
namespace {

using namespace codec_check;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// The length, the header, the body.
std::string with_header(std::string_view json, std::string_view body = "") {
    std::string out;
    for (unsigned i = 0; i < 4; ++i)
        out += static_cast<char>(json.size() >> (8 * i));
    return out.append(json).append(body);
}

std::unique_ptr<codec> make() {
    return std::make_unique<json_header_codec>();
}

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

// ---- whole frames

TEST(json_header_test, gives_the_body_that_the_header_names) {
    const std::string w4 = with_header(R"({"data_size": 61})", std::string(61, 'x'));
    EXPECT_EQ(w4.substr(0, 4), hex("11000000"));
    EXPECT_EQ(feed(*make(), {w4}), (outcome{.frames = frames({std::string(61, 'x')})}));
}

TEST(json_header_test, gives_the_same_frames_in_any_split) {
    const std::string input = with_header(R"({"data_size": 3})", "abc") +
                              with_header(R"({"a":[{"b":1},{"b":2}],"data_size":0})") +
                              with_header(R"( {"data_size" : 1, "x": {"data_size": -1}} )", "}");
    expect_in_any_split(make, input, {.frames = frames({"abc", "", "}"})});
}

TEST(json_header_test, says_what_an_end_cuts_off) {
    const std::string input = with_header(R"({"data_size": 5})", "hello");
    for (std::size_t size = 1; size < input.size(); ++size) {
        const outcome got = feed(*make(), {std::string_view(input).substr(0, size)});
        EXPECT_EQ(got.have, size);
        EXPECT_EQ(got.due, size < 4 + 16 ? 0 : input.size());
        EXPECT_TRUE(got.frames.empty());
    }
}

struct refusal {
    std::string header;
    std::string complaint;
};

class json_header_refusal : public ::testing::TestWithParam<refusal> {};

TEST_P(json_header_refusal, is_told_in_words) {
    const auto c = make();
    const outcome got = feed(*c, {with_header(GetParam().header)});
    EXPECT_EQ(got.error, errc::malformed_frame);
    EXPECT_THAT(std::string(c->complaint()), HasSubstr(GetParam().complaint));
}

std::string nested(int depth) {
    std::string out = R"({"data_size": 0, "a": )";
    for (int i = 1; i < depth; ++i)
        out += '[';
    for (int i = 1; i < depth; ++i)
        out += ']';
    return out + "}";
}

INSTANTIATE_TEST_SUITE_P(
    ,
    json_header_refusal,
    ::testing::Values(
        refusal{"", "incomplete JSON at byte 0"},
        refusal{"{}", "data_size: is missing"},
        refusal{R"({"Data_Size": 1})", "data_size: is missing"},
        refusal{R"({"x": {"data_size": 1}})", "data_size: is missing"},
        refusal{R"([{"data_size": 1}])", "must be a JSON object"},
        refusal{"17", "must be a JSON object"},
        refusal{R"("data_size")", "must be a JSON object"},
        refusal{R"({"data_size": 1)", "incomplete JSON"},
        refusal{R"({"data_size": 1} x)", "extra data"},
        refusal{R"({"data_size": 1, })", "syntax error"},
        refusal{R"({"data_size": 1 /* */})", "syntax error"},
        refusal{"{\"data_size\": 1, \"a\": \"\xff\"}", "must be a JSON object"},
        refusal{R"({"data_size": 1, "data_size": 1})", "data_size: stands twice"},
        refusal{R"({"data_size": 1, "a": {"b": 1, "c": 2, "\u0062": 3}})", "b: stands twice"},
        refusal{R"({"data_size": 1, "\u001b\u000a": 1, "\u001b\u000a": 2})", "stands twice"},
        refusal{R"({"data_size": -1})", "data_size: must be a whole number"},
        refusal{R"({"data_size": 1.0})", "data_size: must be a whole number"},
        refusal{R"({"data_size": 1e2})", "data_size: must be a whole number"},
        refusal{R"({"data_size": 9223372036854775808})", "data_size: must be a whole number"},
        refusal{R"({"data_size": "1"})", "data_size: must be a whole number"},
        refusal{R"({"data_size": true})", "data_size: must be a whole number"},
        refusal{R"({"data_size": null})", "data_size: must be a whole number"},
        refusal{R"({"data_size": [1]})", "data_size: must be a whole number"},
        refusal{R"({"data_size": {"a": 1}})", "data_size: must be a whole number"},
        refusal{nested(33), "a: is nested too deep"}
    )
);

TEST(json_header_test, takes_a_header_as_deep_as_32) {
    EXPECT_EQ(feed(*make(), {with_header(nested(32))}).frames, frames({""}));
}

TEST(json_header_test, refuses_the_tutorials_size_that_no_machine_has) {
    json_header_codec c({.size_key = "file_size"});
    const std::string header =
        "{\"file_name\": \"\\u6fb3\\u95e8\", \"file_size\": 435413543654364364546546544445}";
    EXPECT_EQ(feed(c, {with_header(header)}).error, errc::malformed_frame);
    EXPECT_THAT(std::string(c.complaint()), HasSubstr("file_size: must be a whole number"));
}

TEST(json_header_test, shows_a_hostile_key_escaped) {
    const auto c = make();
    feed(*c, {with_header(R"({"\u001b[2J": 1, "\u001b[2J": 2})")});
    EXPECT_EQ(c->complaint(), R"(\x1b[2J: stands twice)");
}

TEST(json_header_test, refuses_a_length_before_the_header_comes) {
    EXPECT_EQ(feed(*make(), {hex("ffffffff")}).error, errc::negative_length);
    json_header_codec c({.max_header = 100});
    const outcome got = feed(c, {hex("65000000")});
    EXPECT_EQ(got.error, errc::frame_too_long);
    EXPECT_EQ(c.complaint(), "a header of 101 bytes, the maximum being 100");
}

TEST(json_header_test, refuses_a_body_over_the_maximum_before_it_comes) {
    const auto c = make();
    c->set_max_frame(10);
    const std::string good = with_header(R"({"data_size": 10})", "0123456789");
    const outcome got = feed(*c, {good + with_header(R"({"data_size": 11})")});
    EXPECT_EQ(got.frames, frames({"0123456789"}));
    EXPECT_EQ(got.error, errc::frame_too_long);
    EXPECT_EQ(got.declared, 11U);
    EXPECT_EQ(c->complaint(), "data_size: 11 bytes, the maximum being 10");
}

TEST(json_header_test, a_new_maximum_is_good_for_the_next_body) {
    const auto c = make();
    const std::string wire = with_header(R"({"data_size": 10})", "0123456789");
    const bytes all(std::as_bytes(std::span(wire)).begin(), std::as_bytes(std::span(wire)).end());
    const std::span<const std::byte> input(all);
    EXPECT_EQ(c->decode(input.first(25)).what, decoded::outcome::need_more);
    c->set_max_frame(9);
    EXPECT_EQ(c->decode(input.first(26)).what, decoded::outcome::need_more);
    EXPECT_EQ(c->decode(input).what, decoded::outcome::frame);
    EXPECT_EQ(c->decode(input.first(25)).error, errc::frame_too_long);
}

// ---- headers, and bodies in pieces

TEST(json_header_test, gives_a_header_and_then_its_body_in_pieces) {
    json_header_codec c;
    c.set_max_frame(1);  // not of bodies in pieces
    const std::string header = R"({"data_size": 5, "name": "x"})";
    const std::string input = with_header(header, "hello");
    EXPECT_EQ(c.body_left(), 0U);
    decoded d = c.decode_header(bytes_of(input).first(10));
    EXPECT_EQ(d.what, decoded::outcome::need_more);
    EXPECT_EQ(d.needed, 4 + header.size());
    d = c.decode_header(bytes_of(input));
    ASSERT_EQ(d.what, decoded::outcome::frame);
    EXPECT_EQ(input.substr(d.offset, d.size), header);
    EXPECT_EQ(d.consumed, 4 + header.size());
    EXPECT_EQ(c.body_left(), 5U);
    EXPECT_EQ(c.unfinished(0).have, 4 + header.size());
    EXPECT_EQ(c.unfinished(0).due, input.size());
    EXPECT_EQ(c.decode_body({}).what, decoded::outcome::need_more);
    d = c.decode_body(bytes_of("he"));
    EXPECT_EQ(d.size, 2U);
    d = c.decode_body(bytes_of("llo and more"));
    EXPECT_EQ(d.size, 3U);
    EXPECT_EQ(c.body_left(), 0U);
    EXPECT_TRUE(c.unfinished(0).empty());
}

TEST(json_header_test, drops_what_is_left_of_a_body) {
    for (const bool whole : {false, true}) {
        json_header_codec c;
        const std::string first = with_header(R"({"data_size": 5})");
        ASSERT_EQ(c.decode_header(bytes_of(first)).what, decoded::outcome::frame);
        ASSERT_EQ(c.decode_body(bytes_of("h")).size, 1U);
        const auto next = [&](std::string_view input) {
            return whole ? c.decode(bytes_of(input)) : c.decode_header(bytes_of(input));
        };
        EXPECT_EQ(next("").what, decoded::outcome::need_more);
        decoded d = next("ell");
        EXPECT_EQ(d.what, decoded::outcome::skipped);
        EXPECT_EQ(d.consumed, 3U);
        EXPECT_FALSE(d.error);
        EXPECT_EQ(c.unfinished(0).have, first.size() + 4);
        d = next("o" + first);
        EXPECT_EQ(d.consumed, 1U);
        d = next(first + "abcde");
        ASSERT_EQ(d.what, decoded::outcome::frame);
        EXPECT_EQ(d.size, whole ? 5 : first.size() - 4);
    }
}

TEST(json_header_test, begins_anew_after_a_raw_read) {
    json_header_codec c;
    ASSERT_EQ(
        c.decode_header(bytes_of(with_header(R"({"data_size": 5})"))).what, decoded::outcome::frame
    );
    c.restart();
    EXPECT_EQ(c.body_left(), 0U);
    EXPECT_EQ(feed(c, {with_header(R"({"data_size": 1})", "x")}).frames, frames({"x"}));
}

// ---- writing

std::string encoded(codec& c, std::string_view header, std::string_view body) {
    envelope e;
    const error_code error = c.encode(header, body, e);
    return error ? "error: " + error.message() + ": " + std::string(c.complaint()) : wire(e);
}

TEST(json_header_test, writes_the_bodys_size_behind_the_headers_members) {
    json_header_codec c;
    EXPECT_EQ(encoded(c, "", "hello"), with_header(R"({"data_size": 5})", "hello"));
    EXPECT_EQ(encoded(c, "", ""), with_header(R"({"data_size": 0})"));
    EXPECT_EQ(
        encoded(c, R"({"stream": "stdout"})", "hello"),
        with_header(R"({"stream": "stdout", "data_size": 5})", "hello")
    );
    EXPECT_EQ(encoded(c, " { } ", "x"), with_header(R"( { "data_size": 1} )", "x"));
    EXPECT_EQ(encoded(c, R"({"a": "}"})", ""), with_header(R"({"a": "}", "data_size": 0})"));
}

TEST(json_header_test, writes_a_header_that_has_the_size_as_it_is) {
    json_header_codec c;
    const std::string header = R"({"data_size": 5, "a": 1})";
    EXPECT_EQ(encoded(c, header, "hello"), with_header(header, "hello"));
    EXPECT_EQ(encoded(c, header, ""), with_header(header)) << "the body comes by write()";
    EXPECT_EQ(
        encoded(c, header, "hell"),
        "error: the framing has no way to write this frame: "
        "data_size: says 5, but the body has 4 bytes"
    );
}

TEST(json_header_test, writes_no_header_that_its_reader_would_refuse) {
    json_header_codec c({.max_header = 20});
    c.set_max_frame(10);
    for (const auto* header : {"hello", "[]", R"({"a": 1, "a": 2})", R"({"data_size": -1})", "{"})
        EXPECT_THAT(encoded(c, header, "x"), HasSubstr("no way to write")) << header;
    EXPECT_THAT(encoded(c, "", "01234567890"), HasSubstr("longer than the maximum"));
}

TEST(json_header_test, max_header_is_of_what_is_read) {
    json_header_codec c({.max_header = 20});
    EXPECT_EQ(encoded(c, R"({"abc": 1})", "x"), with_header(R"({"abc": 1, "data_size": 1})", "x"));
}

TEST(json_header_test, its_size_key_may_be_any_text) {
    json_header_codec c({.size_key = "\"größe\"\n"});
    const std::string wire = encoded(c, R"({"a": 1})", "hello");
    EXPECT_EQ(wire, with_header(R"({"a": 1, "\"größe\"\n": 5})", "hello"));
    EXPECT_EQ(feed(c, {wire}).frames, frames({"hello"}));
}

TEST(json_header_test, is_named_in_urls) {
    option_reader reader(
        "x", {{"framing", "json-header"}, {"size-key", "file_size"}, {"max-header", "1KiB"}}
    );
    stream_limits limits;
    limits.max_frame = 3;
    const framing f = framing_registry().read(reader, limits);
    reader.finish();
    const auto c = f.read();
    EXPECT_EQ(feed(*c, {with_header(R"({"file_size": 3})", "abc")}).frames, frames({"abc"}));
    EXPECT_EQ(feed(*c, {with_header(R"({"file_size": 4})")}).error, errc::frame_too_long);
    const auto d = f.read();
    EXPECT_EQ(feed(*d, {hex("01040000")}).error, errc::frame_too_long);
}

// ---- through a stream

using namespace stream_check;

class json_header_stream_test : public stream_test {
protected:
    void open_both(std::size_t max_frame = std::size_t{16} << 20) {
        open();
        for (frame_stream* s : {&*near_, &*far_}) {
            s->read_with(std::make_unique<json_header_codec>());
            s->write_with(std::make_unique<json_header_codec>());
            s->set_max_frame(max_frame);
        }
    }
};

INSTANTIATE_TEST_SUITE_P(, json_header_stream_test, every_medium(), name_of);

task<std::optional<std::string>> header_of(frame_stream& s) {
    co_return kept(co_await s.read_header());
}

task<std::optional<std::string>> piece(frame_stream& s) {
    co_return kept(co_await s.read_body());
}

task<std::string> body(frame_stream& s) {
    std::string all;
    while (const auto p = co_await s.read_body()) {
        EXPECT_LE(p->size(), std::size_t{64} << 10);
        all += p->text();
    }
    co_return all;
}

task<> send_two(frame_stream& s, std::string header, std::string body) {
    co_await s.write_frame(header, body);
    co_await s.flush();
}

TEST_P(json_header_stream_test, a_body_comes_in_pieces) {
    open_both(1);
    const std::string sent = pattern(std::size_t{3} << 20);
    const auto sender = start(send_two(*far_, R"({"name": "x"})", sent));
    EXPECT_EQ(run(header_of(*near_)), R"({"name": "x", "data_size": 3145728})");
    EXPECT_TRUE(same_bytes(run(body(*near_)), sent));
    EXPECT_EQ(run(piece(*near_)), std::nullopt) << "and again";
    finish(sender);
    far_->close();
    EXPECT_EQ(run(header_of(*near_)), std::nullopt);
}

TEST_P(json_header_stream_test, whole_frames_and_headers_mix) {
    open_both();
    run(send_two(*far_, "", "first"));
    run(send_two(*far_, R"({"n": 2})", "second"));
    run(send_two(*far_, "", "third"));
    run(send_two(*far_, "", ""));
    EXPECT_EQ(run(next(*near_)), "first");
    EXPECT_EQ(run(header_of(*near_)), R"({"n": 2, "data_size": 6})");
    EXPECT_EQ(run(next(*near_)), "third") << "a body that nobody read is dropped";
    EXPECT_EQ(run(header_of(*near_)), R"({"data_size": 0})");
    EXPECT_EQ(run(body(*near_)), "");
}

TEST_P(json_header_stream_test, a_body_goes_into_a_file) {
    open_both();
    const std::string sent = pattern(std::size_t{1} << 20);
    const auto sender = start(send_two(*far_, "", sent));
    EXPECT_TRUE(run(header_of(*near_)));
    std::FILE* const file = std::tmpfile();
    ASSERT_TRUE(file);
    EXPECT_EQ(run(near_->read_body(::fileno(file))), sent.size());
    finish(sender);
    std::string got(sent.size() + 1, '\0');
    std::rewind(file);
    got.resize(std::fread(got.data(), 1, got.size(), file));
    std::fclose(file);
    EXPECT_TRUE(same_bytes(got, sent));
}

TEST_P(json_header_stream_test, a_file_that_cannot_be_written_is_told) {
    open_both();
    run(send_two(*far_, "", "hello"));
    EXPECT_TRUE(run(header_of(*near_)));
    EXPECT_EQ(failure(near_->read_body(-1)).value(), EBADF);
}

TEST_P(json_header_stream_test, an_end_in_the_middle_of_a_body_is_an_error) {
    open_both();
    run(send(*far_, with_header(R"({"data_size": 10})", "hello")));
    far_->close();
    EXPECT_TRUE(run(header_of(*near_)));
    EXPECT_EQ(run(piece(*near_)), "hello");
    EXPECT_EQ(failure(piece(*near_)), errc::truncated_frame);
    EXPECT_THAT(message_, HasSubstr("26 of 31 bytes"));
}

TEST_P(json_header_stream_test, a_drain_lets_a_body_come_to_its_end) {
    open_both();
    run(send(*far_, with_header(R"({"data_size": 10})", "hello")));
    EXPECT_TRUE(run(header_of(*near_)));
    near_->state().begin_drain();
    EXPECT_EQ(run(piece(*near_)), "hello");
    std::optional<std::string> rest;
    const auto reader = start(piece(*near_), rest);
    turns();
    EXPECT_FALSE(reader->done);
    run(send(*far_, "world"));
    finish(reader);
    EXPECT_EQ(rest, "world");
    EXPECT_EQ(run(piece(*near_)), std::nullopt);
    EXPECT_EQ(run(header_of(*near_)), std::nullopt);
}

TEST_P(json_header_stream_test, a_body_that_is_dropped_has_the_time_of_a_piece) {
    testing::manual_clock clock(context_);
    open_both();
    run(send(*far_, with_header(R"({"data_size": 4611686018427387904})")));
    EXPECT_TRUE(run(header_of(*near_)));
    const auto reader = start(ignore(header_of(*near_)));
    turns();
    clock.advance(60s);
    turns();
    ASSERT_TRUE(reader->done);
    EXPECT_EQ(code_of(reader->error), errc::frame_timeout);
}

TEST_P(json_header_stream_test, what_is_malformed_is_told_in_words) {
    open_both();
    run(send(*far_, with_header(R"({"data_size": 1, "a": 1, "a": 2})")));
    EXPECT_EQ(failure(header_of(*near_)), errc::malformed_frame);
    EXPECT_THAT(message_, HasSubstr("a: stands twice"));
    EXPECT_EQ(failure(send_two(*far_, "hello", "")), errc::unencodable_frame);
    EXPECT_THAT(message_, HasSubstr("must be a JSON object"));
}

TEST_P(json_header_stream_test, a_framing_without_headers_says_so) {
    open();
    EXPECT_EQ(failure(header_of(*near_)), errc::no_headers);
    EXPECT_EQ(failure(piece(*near_)), errc::no_headers);
    run(send_frame(*far_, "hello"));
    EXPECT_EQ(run(next(*near_)), "hello");
}

}  // namespace
}  // namespace coserve
