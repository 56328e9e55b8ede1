#include "stream_pair.hpp"

#include "poison.hpp"
#include "stream_state.hpp"

#include <coserve/length_prefix.hpp>
#include <coserve/line.hpp>
#include <coserve/raw.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gmock/gmock.h>

#include <limits>

namespace coserve {
namespace {

using namespace stream_check;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::stream_options;

class stream_read_test : public stream_test {};

INSTANTIATE_TEST_SUITE_P(, stream_read_test, every_medium(), name_of);

std::unique_ptr<codec> short_big_endian() {
    return std::make_unique<length_prefix_codec>(
        length_prefix_codec::options{.width = 2, .big_endian = true}
    );
}

stream_options with_max_frame(std::size_t size) {
    stream_options options;
    options.limits.max_frame = size;
    return options;
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

// ---- frames

TEST_P(stream_read_test, gives_frames_in_any_split) {
    const std::vector<std::string> frames{"abc", "", pattern(30), "\n", "last"};
    std::string raw;
    for (const auto& f : frames)
        raw += framed(f);
    for (std::size_t size = 1; size <= raw.size(); ++size) {
        open();
        const auto sender = start(send_pieces(*far_, raw, size));
        EXPECT_EQ(run(all_frames(*near_)), frames) << "pieces of " << size;
        finish(sender);
    }
}

TEST_P(stream_read_test, gives_a_thousand_frames_that_came_at_once) {
    open();
    std::string raw;
    for (int i = 0; i < 1000; ++i)
        raw += framed(std::to_string(i));
    const auto sender = start(send(*far_, raw));
    const auto read = [](frame_stream& s) -> task<int> {
        for (int i = 0; i < 1000; ++i) {
            const auto f = co_await s.read_frame();
            if (!f || f->text() != std::to_string(i))
                co_return i;
        }
        co_return -1;
    };
    EXPECT_EQ(run(read(*near_)), -1);
    finish(sender);
}

TEST_P(stream_read_test, gives_frames_of_any_size) {
    open();
    constexpr std::size_t kib = 1024, mib = 1024 * kib;
    std::vector<std::size_t> sizes{0, 1, 100 * kib, mib - 1, mib, 3 * mib};
    for (const std::size_t around : {4 * kib, 64 * kib, 128 * kib})
        for (std::size_t size = around - 9; size <= around + 2; ++size)
            sizes.push_back(size);
    const auto write = [](frame_stream& s, std::vector<std::size_t> of) -> task<> {
        for (const std::size_t size : of)
            co_await s.write_frame(pattern(size, static_cast<std::uint32_t>(size)));
        s.close();
    };
    const auto sender = start(write(*far_, sizes));
    const auto got = run(all_frames(*near_));
    ASSERT_EQ(got.size(), sizes.size());
    for (std::size_t i = 0; i < sizes.size(); ++i)
        EXPECT_TRUE(same_bytes(got[i], pattern(sizes[i], static_cast<std::uint32_t>(sizes[i]))));
    finish(sender);
}

TEST_P(stream_read_test, gives_frames_without_suspending_where_they_are_buffered) {
    open();
    finish(start(send(*far_, framed("a") + framed("b") + framed("c"))));
    EXPECT_EQ(run(next(*near_)), "a");
    for (const char* expected : {"b", "c"}) {
        auto operation = near_->read_frame();
        ASSERT_TRUE(operation.ready());
        EXPECT_EQ(kept(operation.take()), expected);
    }
    auto operation = near_->read_frame();
    EXPECT_FALSE(operation.ready());
}

TEST_P(stream_read_test, frames_can_be_changed_in_place_and_written_back) {
    open();
    const auto upper = [](frame_stream& s) -> task<> {
        while (auto f = co_await s.read_frame()) {
            for (std::byte& b : *f)
                b = static_cast<std::byte>(std::toupper(std::to_integer<int>(b)));
            co_await s.write_frame(*f);
        }
        s.close();
    };
    const auto server = start(upper(*near_));
    const std::string large(100'000, 'x');
    finish(start(send(*far_, framed("first") + framed(large) + framed("last"))));
    EXPECT_EQ(run(next(*far_)), "FIRST");
    EXPECT_TRUE(same_bytes(run(next(*far_)).value(), std::string(100'000, 'X')));
    EXPECT_EQ(run(next(*far_)), "LAST");
    far_->close();
    finish(server);
}

#ifdef COSERVE_ASAN
TEST_P(stream_read_test, a_frame_is_poisoned_by_the_next_read) {
    open();
    finish(start(send(*far_, framed("0123456789abcdef") + framed("0123456789abcdef"))));
    const auto read = [](frame_stream& s) -> task<std::optional<frame>> {
        co_return co_await s.read_frame();
    };
    const auto first = run(read(*near_));
    ASSERT_TRUE(first);
    EXPECT_EQ(__asan_region_is_poisoned(first->data(), first->size()), nullptr);
    const auto second = run(read(*near_));
    ASSERT_TRUE(second);
    EXPECT_NE(__asan_region_is_poisoned(first->data(), first->size()), nullptr);
    EXPECT_EQ(__asan_region_is_poisoned(second->data(), second->size()), nullptr);
    // A read that has to wait gives the rest of the buffer back as well.
    const auto waiting = start(gone(*near_));
    auto operation = near_->read_frame();
    EXPECT_FALSE(operation.ready());
    EXPECT_NE(__asan_region_is_poisoned(second->data(), second->size()), nullptr);
    far_->close();
    finish(waiting);
}
#endif

// ---- with a limit

TEST_P(stream_read_test, a_limit_that_runs_out_loses_nothing) {
    testing::manual_clock clock(context_);
    open();
    const std::string raw = framed("hello") + framed("world");
    for (std::size_t size = 1; size < 9; ++size) {
        finish(start(send(*far_, raw.substr(size - 1, 1))));
        const auto reader = start(ignore(next(*near_, 1s)));
        turns();
        clock.advance(999ms);
        turns();
        EXPECT_FALSE(reader->done) << size << " bytes";
        clock.advance(1ms);
        EXPECT_EQ(failure(reader), errc::timeout) << size << " bytes";
    }
    finish(start(send(*far_, raw.substr(8))));
    EXPECT_EQ(run(next(*near_, 1s)), "hello");
    EXPECT_EQ(run(next(*near_)), "world");
}

TEST_P(stream_read_test, a_limit_of_any_length_is_good) {
    open();
    for (const duration limit :
         {duration::max(), duration::max() - 1ns, duration(24h * 365 * 200)}) {
        std::optional<std::string> got;
        const auto reader = start(next(*near_, limit), got);
        turns();
        EXPECT_FALSE(reader->done);
        finish(start(send_frame(*far_, "here")));
        finish(reader);
        EXPECT_EQ(got, "here");
    }
    for (const duration limit : {duration::zero(), duration(-1s)})
        EXPECT_EQ(failure(next(*near_, limit)), errc::timeout);
    finish(start(send_frame(*far_, "at hand")));
    await_arrival(11);
    EXPECT_EQ(run(next(*near_, 0s)), "at hand");
}

// ---- other reads

task<> mixed_reads(frame_stream& s, std::vector<std::string>& got) {
    got.push_back(kept(co_await s.read_frame()).value());
    got.push_back(kept(co_await s.read_exactly(3)).value());
    got.push_back(kept(co_await s.read_until("\r\n")).value());
    got.push_back(kept(co_await s.read_exactly(0)).value());
    got.push_back(kept(co_await s.read_frame()).value());
    s.read_with(short_big_endian());
    got.push_back(kept(co_await s.read_frame()).value());
    s.read_with(std::make_unique<length_prefix_codec>());
    got.push_back(kept(co_await s.read_frame()).value());
    got.push_back(kept(co_await s.read_until("|")).value());
    s.read_with(std::make_unique<raw_codec>());
    std::string rest;
    while (const auto f = co_await s.read_frame())
        rest += f->text();
    got.push_back(rest);
}

TEST_P(stream_read_test, mixed_reads_and_a_change_of_framing_lose_no_byte) {
    using namespace std::string_literals;
    const std::string raw = framed("one") + "abcHost: here\r\n" + framed("two") + "\0\5three"s +
                            framed("four") + "five|and the rest";
    for (std::size_t size = 1; size <= raw.size(); ++size) {
        open();
        const auto sender = start(send_pieces(*far_, raw, size));
        std::vector<std::string> got;
        run(mixed_reads(*near_, got));
        EXPECT_THAT(
            got,
            ElementsAre(
                "one", "abc", "Host: here", "", "two", "three", "four", "five", "and the rest"
            )
        ) << "pieces of "
          << size;
        finish(sender);
    }
}

TEST_P(stream_read_test, read_some_gives_all_that_has_arrived) {
    open();
    finish(start(send(*far_, "hello")));
    await_arrival(5);
    EXPECT_EQ(run(some(*near_)), "hello");
    finish(start(send(*far_, framed("frame") + "and more")));
    await_arrival(17);
    EXPECT_EQ(run(next(*near_)), "frame");
    EXPECT_EQ(run(some(*near_)), "and more");
    far_->close();
    EXPECT_EQ(run(some(*near_)), std::nullopt);
}

TEST_P(stream_read_test, read_exactly_takes_any_size) {
    open();
    const std::string raw = pattern(3'000'000);
    const auto sender = start(send(*far_, raw));
    std::string got;
    for (const std::size_t size : {1UL, 4095UL, 65'536UL, 1UL, 2'000'000UL})
        got += run(exactly(*near_, size)).value();
    EXPECT_TRUE(same_bytes(got, std::string_view(raw).substr(0, got.size())));
    got += run(exactly(*near_, raw.size() - got.size())).value();
    EXPECT_TRUE(same_bytes(got, raw));
    finish(sender);
}

TEST_P(stream_read_test, read_until_finds_a_delimiter_in_any_split) {
    const std::vector<std::string> delimiters{"|", "\r\n", "aab", "--boundary--"};
    for (const auto& delimiter : delimiters) {
        const std::string first = std::string("a").append(delimiter, 0, delimiter.size() - 1) + "a";
        std::string raw = first;
        raw.append(delimiter).append(delimiter).append("end").append(delimiter);
        for (std::size_t size = 1; size <= raw.size(); ++size) {
            open();
            const auto sender = start(send_pieces(*far_, raw, size));
            std::vector<std::string> got;
            while (auto f = run(before(*near_, delimiter)))
                got.push_back(*f);
            // The first delimiter may begin earlier than it was meant to.
            const std::size_t at = raw.find(delimiter);
            ASSERT_GE(got.size(), 3U);
            EXPECT_EQ(got.front(), raw.substr(0, at));
            EXPECT_EQ(got.back(), "end");
            finish(sender);
        }
    }
}

TEST_P(stream_read_test, read_until_wants_a_delimiter) {
    open();
    EXPECT_THROW(static_cast<void>(near_->read_until("")), std::invalid_argument);
}

TEST_P(stream_read_test, read_until_refuses_more_than_the_maximum_in_any_split) {
    for (const std::size_t size : {10UL, 11UL, 5000UL}) {
        for (const std::size_t piece : {1UL, 7UL, 100'000UL}) {
            open(with_max_frame(10));
            const auto sender = start(send_pieces(*far_, std::string(size, 'x') + "\r\n", piece));
            if (size <= 10)
                EXPECT_EQ(run(before(*near_, "\r\n")), std::string(size, 'x'));
            else
                EXPECT_EQ(failure(before(*near_, "\r\n")), errc::frame_too_long)
                    << size << " in pieces of " << piece;
            near_->abort();
            static_cast<void>(failure(sender));
        }
    }
}

TEST_P(stream_read_test, read_until_refuses_before_the_delimiter_comes) {
    open(with_max_frame(10));
    finish(start(send(*far_, std::string(12, 'x'))));
    EXPECT_EQ(failure(before(*near_, "\r\n")), errc::frame_too_long);
    EXPECT_THAT(message_, HasSubstr("10"));
}

// ---- the end of the stream

TEST_P(stream_read_test, an_end_between_frames_is_clean) {
    open();
    finish(start(send(*far_, framed("last"))));
    far_->close();
    EXPECT_EQ(run(next(*near_)), "last");
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(run(next(*near_)), std::nullopt);
    EXPECT_EQ(run(some(*near_)), std::nullopt);
    EXPECT_EQ(run(exactly(*near_, 1)), std::nullopt);
    EXPECT_EQ(run(before(*near_, "\n")), std::nullopt);
}

TEST_P(stream_read_test, an_end_before_anything_is_clean) {
    open();
    std::optional<std::string> got("");
    const auto reader = start(next(*near_), got);
    turns();
    far_->close();
    finish(reader);
    EXPECT_EQ(got, std::nullopt);
}

TEST_P(stream_read_test, an_end_inside_a_frame_says_what_was_there_and_what_was_due) {
    const auto fails = [&](const std::string& raw, auto read) {
        open();
        finish(start(send(*far_, raw)));
        far_->close();
        EXPECT_EQ(failure(read()), errc::truncated_frame);
        std::string first = message_;
        EXPECT_EQ(failure(next(*near_)), errc::truncated_frame);  // and again
        EXPECT_EQ(message_, first);
        return first;
    };
    const std::string frame = framed("123456789");
    EXPECT_THAT(
        fails(frame.substr(0, 6), [&] { return next(*near_); }), HasSubstr("6 of 13 bytes")
    );
    EXPECT_THAT(fails(frame.substr(0, 2), [&] { return next(*near_); }), HasSubstr("2 bytes"));
    EXPECT_THAT(fails("abc", [&] { return exactly(*near_, 10); }), HasSubstr("3 of 10 bytes"));
    EXPECT_THAT(fails("abc", [&] { return before(*near_, "\n"); }), HasSubstr("3 bytes"));
}

TEST_P(stream_read_test, what_came_before_an_end_inside_a_frame_is_given) {
    open();
    finish(start(send(*far_, framed("whole") + "\5")));
    far_->close();
    EXPECT_EQ(run(next(*near_)), "whole");
    EXPECT_EQ(failure(next(*near_)), errc::truncated_frame);
}

// ---- bad input

TEST_P(stream_read_test, a_negative_length_ends_the_reading_and_not_what_is_queued) {
    open();
    finish(start(send(*far_, framed("good") + "\xff\xff\xff\xff" + framed("never"))));
    EXPECT_EQ(run(next(*near_)), "good");
    EXPECT_EQ(failure(next(*near_)), errc::negative_length);
    EXPECT_EQ(failure(next(*near_)), errc::negative_length);
    EXPECT_EQ(failure(some(*near_)), errc::negative_length);
    run(send_frame(*near_, "good-bye"));
    near_->close();
    EXPECT_THAT(run(all_frames(*far_)), ElementsAre("good-bye"));
}

TEST_P(stream_read_test, a_frame_over_the_maximum_is_refused_by_its_header) {
    open(with_max_frame(1000));
    finish(start(send(*far_, framed(std::string(1001, 'x')).substr(0, 4))));
    EXPECT_EQ(failure(next(*near_)), errc::frame_too_long);
    EXPECT_THAT(message_, HasSubstr("1001 bytes, the maximum being 1000"));
}

TEST_P(stream_read_test, a_new_maximum_is_good_for_the_next_frame) {
    open(with_max_frame(1000));
    const std::string large(2000, 'x');
    finish(start(send(*far_, framed("first") + framed(large) + framed("last"))));
    EXPECT_EQ(run(next(*near_)), "first");
    near_->set_max_frame(2000);
    EXPECT_EQ(run(next(*near_)), large);
    near_->set_max_frame(3);
    EXPECT_EQ(failure(next(*near_)), errc::frame_too_long);
}

TEST_P(stream_read_test, the_maximum_stays_when_the_framing_changes) {
    stream_options options;
    options.limits.max_frame = options.limits.max_send_frame = 3;
    open(options);
    near_->read_with(std::make_unique<line_codec>());
    near_->write_with(std::make_unique<line_codec>());
    EXPECT_EQ(failure(send_frame(*near_, "four")), errc::frame_too_long);
    const auto sender = start(send(*far_, "abc\nfour\n"));
    EXPECT_EQ(run(next(*near_)), "abc");
    EXPECT_EQ(failure(next(*near_)), errc::frame_too_long);
    finish(sender);
}

struct dropped final : stream_observer {
    void on_dropped_frame(const std::string& reason) noexcept override { told.push_back(reason); }

    std::vector<std::string> told;
};

TEST_P(stream_read_test, a_skipped_frame_is_told_of_once_and_reading_goes_on) {
    stream_options options([] {
        return std::make_unique<length_prefix_codec>(
            length_prefix_codec::options{.too_long = on_too_long::skip}
        );
    });
    options.limits.max_frame = 100;
    const std::string raw = framed("before") + framed(pattern(300'000)) + framed("between") +
                            framed(pattern(101)) + framed("after");
    for (const std::size_t size : {1000UL, 100'000UL}) {
        open(options);
        dropped log;
        near_->state().observe(&log);
        const auto sender = start(send_pieces(*far_, raw, size));
        EXPECT_THAT(run(all_frames(*near_)), ElementsAre("before", "between", "after"));
        ASSERT_EQ(log.told.size(), 2U);
        EXPECT_THAT(log.told[0], HasSubstr("300000 bytes"));
        EXPECT_THAT(log.told[1], HasSubstr("101 bytes"));
        finish(sender);
        near_->state().observe(nullptr);
    }
}

// ---- one reader at a time

TEST_P(stream_read_test, a_second_reader_is_refused_and_the_first_goes_on) {
    open();
    std::optional<std::string> got;
    const auto first = start(next(*near_), got);
    turns();
    EXPECT_EQ(failure(next(*near_)), errc::concurrent_read);
    EXPECT_EQ(failure(some(*near_)), errc::concurrent_read);
    EXPECT_EQ(failure(next(*near_, 1s)), errc::concurrent_read);
    EXPECT_FALSE(first->done);
    finish(start(send_frame(*far_, "for the first")));
    finish(first);
    EXPECT_EQ(got, "for the first");
    finish(start(send_frame(*far_, "for all")));
    EXPECT_EQ(run(next(*near_)), "for all");
}

TEST_P(stream_read_test, a_reader_whose_frame_is_on_its_way_is_still_reading) {
    open();
    finish(start(send(*far_, framed("first") + framed("second") + framed("third"))));
    EXPECT_EQ(run(next(*near_)), "first");
    std::vector<std::string> got;
    std::exception_ptr refused;
    near_->read_frame()([&](std::exception_ptr, std::optional<frame> f) {
        got.push_back(kept(f).value());
    });
    near_->read_frame()([&](std::exception_ptr e, std::optional<frame>) { refused = e; });
    until([&] { return !got.empty() && refused; });
    EXPECT_EQ(code_of(refused), errc::concurrent_read);
    EXPECT_THAT(got, ElementsAre("second"));
    EXPECT_EQ(run(next(*near_)), "third");
}

// ---- fairness

TEST_P(stream_read_test, one_connection_with_much_to_read_does_not_hold_up_another) {
    open();
    const std::string much = pattern(3'000'000);
    testing::memory_wire other(context_);
    frame_stream here = other.open(testing::memory_wire::end::server);
    frame_stream there = other.open(testing::memory_wire::end::client);
    const auto count = [](frame_stream& s, std::size_t& read) -> task<> {
        while (const auto f = co_await s.read_some())
            read += f->size();
    };
    std::size_t read = 0, read_then = 0;
    const auto sender = start(send(*far_, much));
    const auto reader = start(count(*near_, read));
    const auto answer = [](frame_stream& s, std::size_t& sofar, std::size_t& then) -> task<> {
        co_await s.read_frame();
        then = sofar;
    };
    const auto small = start(answer(here, read, read_then));
    finish(start(send_frame(there, "small")));
    finish(small);
    finish(sender);
    far_->close();
    finish(reader);
    EXPECT_EQ(read, much.size());
    EXPECT_LT(read_then, much.size() / 2);
}

}  // namespace
}  // namespace coserve
