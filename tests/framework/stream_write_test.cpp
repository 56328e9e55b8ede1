#include "stream_pair.hpp"

#include <coserve/blocking_pool.hpp>
#include <coserve/length_prefix.hpp>
#include <coserve/raw.hpp>
#include <coserve/sleep.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gmock/gmock.h>

#include <atomic>
#include <random>
#include <thread>

namespace coserve {
namespace {

using namespace stream_check;
using ::testing::AnyOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::stream_options;

class stream_write_test : public stream_test {};

INSTANTIATE_TEST_SUITE_P(, stream_write_test, every_medium(), name_of);

stream_options with_water(std::size_t high, std::size_t low) {
    stream_options options;
    options.limits.high_water = high;
    options.limits.low_water = low;
    return options;
}

// ---- order

task<> write_numbers(frame_stream& s, int writer, int count, std::vector<std::string>& called) {
    for (int i = 0; i < count; ++i) {
        std::string text = std::to_string(writer) + ":" + std::to_string(i) + ":";
        text.resize(text.size() + (i % 7 == 0 ? 5000 : i), 'x');
        called.push_back(text);
        co_await s.write_frame(text);
        if (i % 10 == writer)
            co_await s.flush();
    }
}

TEST_P(stream_write_test, the_order_of_the_calls_is_the_order_on_the_wire) {
    open(with_water(2000, 500), {}, true);
    std::vector<std::string> called;
    std::vector<std::shared_ptr<beside>> all;
    for (int w = 0; w < 8; ++w)
        all.push_back(start(write_numbers(*near_, w, 100, called)));
    std::vector<std::string> got;
    const auto reader = start(all_frames(*far_), got);
    for (const auto& w : all)
        finish(w);
    near_->close();
    finish(reader);
    EXPECT_EQ(got.size(), 800U);
    EXPECT_TRUE(got == called);
}

TEST_P(stream_write_test, header_and_body_go_as_one_frame) {
    open();
    const auto write = [](frame_stream& s) -> task<> {
        co_await s.write_frame("head", "body");
        co_await s.write_frame("head", pattern(10'000));
        co_await s.write_frame(pattern(10'000), "body");
        s.close();
    };
    finish(start(write(*near_)));
    const std::string large = pattern(10'000);
    EXPECT_THAT(run(all_frames(*far_)), ElementsAre("headbody", "head" + large, large + "body"));
}

TEST_P(stream_write_test, raw_bytes_and_a_change_of_framing_keep_the_order) {
    open();
    const auto write = [](frame_stream& s) -> task<> {
        co_await s.write_frame("one");
        co_await s.write("raw");
        s.write_with(std::make_unique<length_prefix_codec>(
            length_prefix_codec::options{.width = 2, .big_endian = true}
        ));
        co_await s.write_frame("two");
        co_await s.write("");
        s.close();
    };
    finish(start(write(*near_)));
    using namespace std::string_literals;
    EXPECT_EQ(run(all_bytes(*far_)), framed("one") + "raw" + "\0\3two"s);
}

// ---- back-pressure

TEST_P(stream_write_test, below_high_water_a_write_does_not_wait) {
    open(with_water(4 << 20, 1000), {}, true);
    block(*near_);
    const auto write = [](frame_stream& s) -> task<> {
        while (s.queued() < 3'000'000)
            co_await s.write_frame("not many bytes");
    };
    finish(start(write(*near_)));
    auto operation = near_->write_frame("more");
    EXPECT_TRUE(operation.ready());
}

TEST_P(stream_write_test, above_high_water_a_write_waits_for_low_water) {
    open(with_water(50'000, 20'000), {}, true);
    std::size_t most = 0;
    bool waited = false;
    const auto write = [](frame_stream& s, std::size_t& highest, bool& slow) -> task<> {
        for (int i = 0; i < 1500; ++i) {
            auto written = s.write_frame(pattern(999, static_cast<std::uint32_t>(i)));
            highest = std::max(highest, s.queued());
            const bool waits = !written.ready();
            co_await written;
            if (waits) {
                slow = true;
                EXPECT_LE(s.queued(), 20'000U);
            }
        }
        s.close();
    };
    const auto writer = start(write(*near_, most, waited));
    until([&] { return near_->queued() > 50'000; });
    turns();
    EXPECT_FALSE(writer->done);
    const auto got = run(all_frames(*far_));
    finish(writer);
    ASSERT_EQ(got.size(), 1500U);
    for (std::size_t i = 0; i < got.size(); ++i)
        EXPECT_TRUE(same_bytes(got[i], pattern(999, static_cast<std::uint32_t>(i))));
    EXPECT_TRUE(waited);
    EXPECT_LE(most, 50'000U + 1003U);
}

TEST_P(stream_write_test, every_waiting_writer_goes_on) {
    open(with_water(1000, 1000), {}, true);
    const auto write = [](frame_stream& s) -> task<> {
        for (int i = 0; i < 20; ++i)
            co_await s.write_frame(std::string(20'000, 'x'));
    };
    std::vector<std::shared_ptr<beside>> writers;
    for (int i = 0; i < 5; ++i)
        writers.push_back(start(write(*near_)));
    std::vector<std::string> got;
    const auto reader = start(all_frames(*far_), got);
    for (const auto& w : writers)
        finish(w);
    near_->close();
    finish(reader);
    EXPECT_EQ(got.size(), 100U);
}

TEST_P(stream_write_test, writes_that_are_not_awaited_come_to_an_end) {
    stream_options options = with_water(10'000, 5000);
    options.limits.max_send_frame = 20'000;
    open(options, {}, true);
    const std::string large(15'000, 'x');
    int queued = 0;
    error_code error;
    const auto write = [&] {
        try {
            for (; queued < 1000; ++queued)
                static_cast<void>(near_->write_frame(large));
        } catch (const system_error& e) {
            error = e.code();
        }
    };
    write();
    EXPECT_EQ(error, errc::output_overflow);
    EXPECT_LE(near_->queued(), 40'000U + 20'000U);  // four times high-water and a maximum frame
    EXPECT_GT(near_->queued(), 40'000U + 20'000U - 15'004U);
    std::string all;
    const auto reader = start(all_bytes(*far_), all);
    finish(start(flushed(*near_)));
    run(send_frame(*near_, "last"));  // the stream goes on
    near_->close();
    finish(reader);
    std::string expected;
    for (int i = 0; i < queued; ++i)
        expected += framed(large);
    EXPECT_TRUE(same_bytes(all, expected + framed("last")));
}

TEST_P(stream_write_test, flush_completes_when_the_kernel_has_taken_all) {
    open({}, {}, true);
    block(*near_);
    EXPECT_GT(near_->queued(), 0U);
    const auto flush = start(flushed(*near_));
    const auto second = start(flushed(*near_));
    turns();
    EXPECT_FALSE(flush->done);
    std::string all;
    const auto reader = start(all_bytes(*far_), all);
    finish(flush);
    finish(second);
    EXPECT_EQ(near_->queued(), 0U);
    run(flushed(*near_));  // with nothing queued at once
    near_->close();
    finish(reader);
}

// ---- queued output goes out by itself

/// Writes, and then waits for something that never comes about.
using wait_function = task<> (*)(frame_stream&, bool& go_on);

task<> write_and_sleep(frame_stream& s, bool&) {
    co_await s.write_frame("queued");
    co_await sleep(1h);
}

task<> write_and_wait_for_a_timer(frame_stream& s, bool&) {
    asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
    co_await s.write_frame("queued");
    co_await timer.async_wait(asio::use_awaitable);
}

task<> write_after_a_timer(frame_stream& s, bool&) {
    asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
    co_await timer.async_wait(asio::use_awaitable);
    co_await s.write_frame("queued");
    timer.expires_after(1h);
    co_await timer.async_wait(asio::use_awaitable);
}

task<> write_and_block(frame_stream& s, bool& go_on) {
    std::atomic_ref<bool> flag(go_on);
    auto work = [flag] {
        while (!flag.load())
            std::this_thread::sleep_for(1ms);
    };
    co_await s.write_frame("queued");
    co_await run_blocking(work);
}

task<> write_and_wait_for_the_end(frame_stream& s, bool&) {
    co_await s.write_frame("queued");
    co_await s.closed();
}

task<> write_and_read(frame_stream& s, bool&) {
    co_await s.write_frame("queued");
    co_await s.read_frame();
}

TEST_P(stream_write_test, goes_out_when_the_coroutine_waits_for_anything) {
    for (const wait_function f :
         {write_and_sleep,
          write_and_wait_for_a_timer,
          write_after_a_timer,
          write_and_block,
          write_and_wait_for_the_end,
          write_and_read}) {
        open();
        bool go_on = false;
        const auto writer = start(f(*near_, go_on));
        EXPECT_EQ(run(next(*far_)), "queued");
        EXPECT_FALSE(writer->done);
        std::atomic_ref<bool>(go_on).store(true);
        far_->close();
        if (f == write_and_block || f == write_and_wait_for_the_end || f == write_and_read)
            finish(writer);
    }
}

TEST_P(stream_write_test, goes_out_under_a_clock_that_stands_still) {
    testing::manual_clock clock(context_);
    open();
    bool go_on = false;
    const auto writer = start(write_and_sleep(*near_, go_on));
    EXPECT_EQ(run(next(*far_)), "queued");
    clock.advance(1h);
    finish(writer);
}

TEST_P(stream_write_test, many_small_frames_go_out_together) {
    open();
    const auto write = [](frame_stream& s) -> task<> {
        for (int i = 0; i < 100; ++i)
            co_await s.write_frame("0123456789");
        EXPECT_EQ(s.queued(), 1400U);
        co_await s.read_frame();
    };
    const auto writer = start(write(*near_));
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(run(next(*far_)), "0123456789");
    far_->close();
    finish(writer);
}

// ---- large payloads

TEST_P(stream_write_test, a_view_is_not_needed_after_the_call) {
    for (const std::size_t size : {100UL, 4095UL, 4096UL, 100'000UL, 1'000'000UL}) {
        open({}, {}, true);
        const auto write = [](frame_stream& s, std::size_t of) -> task<> {
            std::string buffer;
            for (std::uint32_t i = 0; i < 10; ++i) {
                buffer = pattern(of, i);
                auto written = s.write_frame(buffer);
                buffer.assign(buffer.size(), '!');
                co_await written;
            }
            s.close();
        };
        const auto writer = start(write(*near_, size));
        turns();
        const auto got = run(all_frames(*far_));
        finish(writer);
        ASSERT_EQ(got.size(), 10U);
        for (std::uint32_t i = 0; i < 10; ++i)
            EXPECT_TRUE(same_bytes(got[i], pattern(size, i)));
    }
}

TEST_P(stream_write_test, a_large_payload_goes_within_the_call) {
    open();
    static_cast<void>(near_->write_frame("small"));
    EXPECT_GT(near_->queued(), 0U);
    const std::string large = pattern(20'000);
    static_cast<void>(near_->write_frame(large));
    EXPECT_EQ(near_->queued(), 0U);
    EXPECT_EQ(run(next(*far_)), "small");
    EXPECT_EQ(run(next(*far_)), large);
}

TEST_P(stream_write_test, a_large_payload_to_a_peer_that_does_not_read_is_copied_in_the_call) {
    open({}, {}, true);
    block(*near_);
    std::string large = pattern(100'000);
    const std::string expected = framed(large) + framed("behind");
    const std::size_t queued = near_->queued();
    static_cast<void>(near_->write_frame(large));
    EXPECT_EQ(near_->queued(), queued + 100'004);
    large.assign(large.size(), '!');
    static_cast<void>(near_->write_frame("behind"));
    near_->close();
    EXPECT_TRUE(same_bytes(behind_filler(run(all_bytes(*far_))), expected));
}

TEST_P(stream_write_test, frames_of_random_sizes_arrive_whole) {
    for (std::uint32_t seed = 0; seed < 5; ++seed) {
        open(with_water(30'000, 10'000), {}, true);
        const auto size_of = [](std::mt19937& random) {
            static constexpr std::array<std::size_t, 5> most{10, 1000, 5000, 70'000, 300'000};
            return random() % most[random() % most.size()];
        };
        const auto write = [](frame_stream& s, std::uint32_t from, auto size) -> task<> {
            std::mt19937 random(from);
            for (std::uint32_t i = 0; i < 100; ++i) {
                std::string payload = pattern(size(random), i);
                auto written = s.write_frame(payload);
                payload.assign(payload.size(), '!');
                if (i % 3 != 0)
                    co_await written;
            }
            s.close();
        };
        const auto writer = start(write(*near_, seed, size_of));
        const auto got = run(all_frames(*far_));
        finish(writer);
        ASSERT_EQ(got.size(), 100U);
        std::mt19937 random(seed);
        for (std::uint32_t i = 0; i < 100; ++i)
            EXPECT_TRUE(same_bytes(got[i], pattern(size_of(random), i)));
    }
}

// ---- what cannot be written

TEST_P(stream_write_test, a_frame_that_does_not_fit_leaves_nothing_and_the_stream_goes_on) {
    stream_options options([] {
        return std::make_unique<length_prefix_codec>(length_prefix_codec::options{.width = 1});
    });
    options.limits.max_send_frame = 300;
    open(options, options);
    const auto write = [](frame_stream& s, std::size_t size) -> task<> {
        co_await s.write_frame(std::string(size, 'x'));
    };
    static_cast<void>(near_->write_frame("before"));
    EXPECT_EQ(near_->queued(), 7U);
    // 128 to 255 are negative lengths, and 256 do not fit the field.
    for (const std::size_t size : {128UL, 255UL, 256UL, 300UL})
        EXPECT_EQ(failure(write(*near_, size)), errc::unencodable_frame) << size;
    EXPECT_THAT(message_, HasSubstr("300 bytes"));
    EXPECT_EQ(failure(write(*near_, 301)), errc::frame_too_long);
    EXPECT_EQ(failure(write(*near_, 10'000)), errc::frame_too_long);
    run(send_frame(*near_, "after"));
    near_->close();
    EXPECT_THAT(run(all_frames(*far_)), ElementsAre("before", "after"));
}

TEST_P(stream_write_test, a_new_maximum_is_good_at_once) {
    open();
    near_->set_max_send_frame(3);
    EXPECT_EQ(failure(send_frame(*near_, "four")), errc::frame_too_long);
    near_->set_max_send_frame(4);
    EXPECT_EQ(failure(send_frame(*near_, "four")), error_code());
    EXPECT_EQ(run(next(*far_)), "four");
}

// ---- send errors

TEST_P(stream_write_test, a_send_error_is_kept_and_thrown_by_every_later_operation) {
    for (const std::size_t size : {10UL, 10'000UL}) {
        open();
        far_->abort();
        const auto write = [](frame_stream& s, std::size_t of) -> task<> {
            for (;;) {
                co_await s.write_frame(std::string(of, 'x'));
                co_await s.flush();
            }
        };
        const error_code first = failure(write(*near_, size));
        EXPECT_THAT(
            first,
            AnyOf(
                error_code(EPIPE, boost::system::system_category()),
                error_code(ECONNRESET, boost::system::system_category())
            )
        );
        EXPECT_EQ(failure(send(*near_, "x")), first);
        EXPECT_EQ(failure(send_frame(*near_, "x")), first);
        EXPECT_EQ(failure(flushed(*near_)), first);
        EXPECT_EQ(failure(next(*near_)), first);
        EXPECT_EQ(near_->queued(), 0U);
        run(gone(*near_));  // which is no error
    }
}

TEST_P(stream_write_test, a_call_whose_send_fails_throws_when_it_is_awaited) {
    open();
    far_->abort();
    run(gone(*near_));
    const std::string large(10'000, 'x');
    error_code error;
    for (int i = 0; i < 2 && !error; ++i) {  // the first may go to a peer that resets only then
        auto written = near_->write_frame(large);
        const auto await = [](frame_stream::wait_operation& w) -> task<> { co_await w; };
        error = failure(await(written));
        turns();
    }
    EXPECT_TRUE(error);
}

TEST_P(stream_write_test, a_waiting_writer_learns_of_a_reset_though_nobody_reads) {
    open(with_water(1000, 500), {}, true);
    block(*near_);
    const auto writer = start(send_frame(*near_, "never sent"));
    turns();
    EXPECT_FALSE(writer->done);
    far_->abort();
    EXPECT_TRUE(failure(writer));
}

TEST_P(stream_write_test, waiting_writers_and_readers_learn_of_a_reset) {
    open(with_water(1000, 500), {}, true);
    block(*near_);
    const auto write = [](frame_stream& s) -> task<> {
        for (;;)
            co_await s.write_frame(std::string(2000, 'x'));
    };
    const std::vector<std::shared_ptr<beside>> waiting{
        start(write(*near_)),
        start(write(*near_)),
        start(flushed(*near_)),
        start(ignore(next(*near_))),
    };
    turns();
    for (const auto& w : waiting)
        EXPECT_FALSE(w->done);
    far_->abort();  // with unread input, so that a Unix socket tells too
    std::vector<error_code> errors;
    for (const auto& w : waiting)
        errors.push_back(failure(w));
    EXPECT_TRUE(errors[0]);
    EXPECT_THAT(errors, Each(errors[0]));
}

}  // namespace
}  // namespace coserve
