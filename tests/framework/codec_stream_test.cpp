// Every framing by its name, on streams.
#include "codec_check.hpp"
#include "stream_pair.hpp"

#include "stream_state.hpp"

#include <coserve/framing.hpp>
#include <coserve/length_prefix.hpp>
#include <coserve/line.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gmock/gmock.h>

namespace coserve {
namespace {

using namespace stream_check;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::stream_options;

class codec_stream_test : public stream_test {};

INSTANTIATE_TEST_SUITE_P(, codec_stream_test, every_medium(), name_of);

using options_list = std::vector<option>;

/// As a listener's URL would have them.
framing framing_of(options_list given, const stream_limits& limits = {}) {
    option_reader reader("test", std::move(given));
    framing f = framing_registry().read(reader, limits);
    reader.finish();
    return f;
}

stream_options stream_with(const options_list& given, std::size_t max_frame = 16 << 20) {
    stream_options o;
    o.limits.max_frame = max_frame;
    const framing f = framing_of(given, o.limits);
    o.read = f.read;
    o.write = f.write;
    return o;
}

std::vector<options_list> every_framing() {
    return {
        {},
        {{"framing", "length-prefix"}, {"width", "3"}, {"order", "big"}},
        {{"framing", "line"}},
        {{"framing", "delimiter"}, {"delimiter", "--end--"}},
        {{"framing", "delimiter"}, {"any-of", "|\n"}},
        {{"framing", "netstring"}},
        {{"framing", "varint"}},
        {{"framing", "json-header"}},
    };
}

std::string encoded(const options_list& given, const std::vector<std::string>& payloads) {
    const auto c = framing_of(given).write();
    std::string raw;
    for (const std::string& payload : payloads)
        raw += codec_check::encoded(*c, payload).value();
    return raw;
}

/// Pieces of that size, each sent alone, and the loop let go on between them; then the end.
task<> send_pieces(frame_stream& s, std::string raw, std::size_t size) {
    const auto executor = co_await asio::this_coro::executor;
    for (std::size_t at = 0; at < raw.size(); at += size) {
        co_await s.write(std::string_view(raw).substr(at, size));
        co_await s.flush();
        co_await asio::post(executor, asio::use_awaitable);
    }
    s.close();
}

task<> send_frames(frame_stream& s, std::vector<std::string> payloads) {
    for (const std::string& payload : payloads)
        co_await s.write_frame(payload);
    s.close();
}

TEST_P(codec_stream_test, frames_come_as_they_were_written) {
    for (const options_list& given : every_framing()) {
        SCOPED_TRACE(given.empty() ? "default" : given.back().key + '=' + given.back().value);
        open(stream_with(given), stream_with(given));
        std::vector<std::string> payloads{"hello", "", "x"};
        for (const std::size_t size : {300, 5'000, 70'000, 1'000'000})
            payloads.emplace_back(size, 'p');
        const auto sender = start(send_frames(*far_, payloads));
        const auto got = run(all_frames(*near_));
        ASSERT_EQ(got.size(), payloads.size());
        for (std::size_t i = 0; i < payloads.size(); ++i)
            EXPECT_TRUE(same_bytes(got[i], payloads[i]));
        finish(sender);
    }
}

TEST_P(codec_stream_test, fixed_frames_come_as_they_were_written) {
    const options_list given{{"framing", "fixed"}, {"size", "100KiB"}};
    open(stream_with(given), stream_with(given));
    const std::vector<std::string> payloads{pattern(100 << 10, 1), pattern(100 << 10, 2)};
    const auto sender = start(send_frames(*far_, payloads));
    const auto got = run(all_frames(*near_));
    ASSERT_EQ(got.size(), 2U);
    for (std::size_t i = 0; i < payloads.size(); ++i)
        EXPECT_TRUE(same_bytes(got[i], payloads[i]));
    finish(sender);
}

TEST_P(codec_stream_test, frames_come_in_any_split) {
    const std::vector<std::string> payloads{"hello", "", "a-b--en", "last"};
    for (const options_list& given : every_framing()) {
        const std::string raw = encoded(given, payloads);
        for (const std::size_t size : {1UL, 2UL, 3UL, 7UL, raw.size()}) {
            open(stream_with(given));
            const auto sender = start(send_pieces(*far_, raw, size));
            EXPECT_EQ(run(all_frames(*near_)), payloads) << "pieces of " << size;
            finish(sender);
        }
    }
}

// ---- a change of framing

struct part {
    options_list framing;
    std::vector<std::string> payloads;
};

std::vector<part> conversation() {
    return {
        {{}, {"one", ""}},
        {{{"framing", "line"}}, {"two", "", "three"}},
        {{{"framing", "fixed"}, {"size", "4"}}, {"four", "\r\n\r\n"}},
        {{{"framing", "delimiter"}, {"delimiter", "\r\n"}}, {"five", "\r", "six"}},
        {{{"framing", "netstring"}}, {"seven", "7:seven,"}},
        {{{"framing", "delimiter"}, {"any-of", "!?"}}, {"eight", "nine"}},
        {{{"framing", "varint"}}, {"ten", std::string(200, 'x')}},
        {{{"framing", "json-header"}}, {"", "{}", "ten and a half"}},
        {{{"framing", "line"}, {"keep-end", "on"}}, {"eleven\n", "\n"}},
    };
}

task<> read_conversation(frame_stream& s, std::vector<std::string>& got) {
    const std::vector<part> parts = conversation();
    for (const part& p : parts) {
        s.read_with(framing_of(p.framing).read());
        for (std::size_t i = 0; i < p.payloads.size(); ++i) {
            const auto f = co_await s.read_frame();
            if (!f)
                co_return;
            got.emplace_back(f->text());
        }
    }
    s.read_with(framing_of({{"framing", "raw"}}).read());
    std::string rest;
    while (const auto f = co_await s.read_frame())
        rest += f->text();
    got.push_back(rest);
}

TEST_P(codec_stream_test, a_change_of_framing_loses_no_byte) {
    std::string raw;
    std::vector<std::string> expected;
    for (const part& p : conversation()) {
        raw += encoded(p.framing, p.payloads);
        expected.insert(expected.end(), p.payloads.begin(), p.payloads.end());
    }
    raw += "and the rest";
    expected.emplace_back("and the rest");
    for (const std::size_t size : {1UL, 2UL, 5UL, 64UL, raw.size()}) {
        open();
        const auto sender = start(send_pieces(*far_, raw, size));
        std::vector<std::string> got;
        run(read_conversation(*near_, got));
        EXPECT_EQ(got, expected) << "pieces of " << size;
        finish(sender);
    }
}

task<> mixed_reads(frame_stream& s, std::vector<std::string>& got) {
    got.push_back(kept(co_await s.read_frame()).value());
    got.push_back(kept(co_await s.read_exactly(4)).value());
    got.push_back(kept(co_await s.read_frame()).value());
    got.push_back(kept(co_await s.read_until("|")).value());
    got.push_back(kept(co_await s.read_frame()).value());
}

TEST_P(codec_stream_test, raw_reads_between_lines_lose_no_byte) {
    const std::string raw = "HEAD\r\nbodynext\npart|last\n";
    for (std::size_t size = 1; size <= raw.size(); ++size) {
        open(stream_with({{"framing", "line"}}));
        const auto sender = start(send_pieces(*far_, raw, size));
        std::vector<std::string> got;
        run(mixed_reads(*near_, got));
        EXPECT_THAT(got, ElementsAre("HEAD", "body", "next", "part", "last"));
        finish(sender);
    }
}

TEST_P(codec_stream_test, a_raw_read_takes_what_was_begun_of_a_line) {
    testing::manual_clock clock(context_);
    open(stream_with({{"framing", "line"}}));
    finish(start(send(*far_, "begun ")));
    const auto reader = start(ignore(next(*near_, 1s)));
    turns();
    clock.advance(1s);
    EXPECT_EQ(failure(reader), errc::timeout);
    EXPECT_EQ(run(exactly(*near_, 6)), "begun ");
    finish(start(send(*far_, "ab\n")));
    EXPECT_EQ(run(next(*near_)), "ab");
}

// ---- what is wrong

TEST_P(codec_stream_test, an_end_inside_a_frame_is_an_error) {
    const auto fails = [&](const options_list& given, const std::string& raw) {
        open(stream_with(given));
        finish(start(send(*far_, raw)));
        far_->close();
        EXPECT_EQ(failure(next(*near_)), errc::truncated_frame) << raw;
        return message_;
    };
    EXPECT_THAT(fails({{"framing", "line"}}, "abc"), HasSubstr("3 bytes"));
    EXPECT_THAT(fails({{"framing", "fixed"}, {"size", "9"}}, "abc"), HasSubstr("3 of 9 bytes"));
    EXPECT_THAT(fails({{"framing", "netstring"}}, "5:abc"), HasSubstr("5 of 8 bytes"));
    EXPECT_THAT(fails({{"framing", "varint"}}, "\5abc"), HasSubstr("4 of 6 bytes"));
    EXPECT_THAT(
        fails({{"framing", "delimiter"}, {"delimiter", "--"}}, "abc-"), HasSubstr("4 bytes")
    );
}

TEST_P(codec_stream_test, a_frame_that_is_too_long_is_refused_before_its_end_comes) {
    const auto fails = [&](const options_list& given, const std::string& raw) {
        open(stream_with(given, 10));
        finish(start(send(*far_, raw)));
        EXPECT_EQ(failure(next(*near_)), errc::frame_too_long) << raw;
        return message_;
    };
    const auto* const known = "a frame of 11 bytes, the maximum being 10";
    EXPECT_THAT(fails({{"framing", "line"}}, "12345678901"), HasSubstr("the maximum being 10"));
    EXPECT_THAT(
        fails({{"framing", "delimiter"}, {"delimiter", "--"}}, "12345678901"),
        HasSubstr("the maximum being 10")
    );
    EXPECT_THAT(fails({{"framing", "fixed"}, {"size", "11"}}, "1"), HasSubstr(known));
    EXPECT_THAT(fails({{"framing", "netstring"}}, "11:"), HasSubstr(known));
    EXPECT_THAT(fails({{"framing", "varint"}}, "\13"), HasSubstr(known));
}

struct told final : stream_observer {
    void on_dropped_frame(const std::string& reason) noexcept override { all.push_back(reason); }

    std::vector<std::string> all;
};

TEST_P(codec_stream_test, a_skipped_line_is_told_of_once_and_reading_goes_on) {
    const std::string raw = "before\n" + std::string(300'000, 'x') + "\r\nbetween\n" +
                            std::string(11, 'x') + "\nlast\n";
    const std::string reason = "the maximum being 10: the frame is longer than the maximum";
    for (const std::size_t size : {1000UL, 100'000UL}) {
        open(stream_with({{"framing", "line"}, {"on-too-long", "skip"}}, 10));
        told log;
        near_->state().observe(&log);
        const auto sender = start(send_pieces(*far_, raw, size));
        EXPECT_THAT(run(all_frames(*near_)), ElementsAre("before", "between", "last"));
        EXPECT_THAT(log.all, ElementsAre(reason, reason));
        finish(sender);
        near_->state().observe(nullptr);
    }
}

TEST_P(codec_stream_test, a_payload_that_its_framing_cannot_hold_leaves_nothing_sent) {
    open(stream_with({{"framing", "line"}}), stream_with({{"framing", "line"}}));
    EXPECT_EQ(failure(send_frame(*near_, "two\nlines")), errc::unencodable_frame);
    EXPECT_THAT(message_, HasSubstr("a frame of 9 bytes"));
    run(send_frame(*near_, "one line"));
    near_->close();
    EXPECT_EQ(run(all_bytes(*far_)), "one line\n");
}

}  // namespace
}  // namespace coserve
