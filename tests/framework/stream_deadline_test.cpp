#include "stream_pair.hpp"

#include <coserve/length_prefix.hpp>
#include <coserve/raw.hpp>
#include <coserve/sleep.hpp>

#include <gmock/gmock.h>

namespace coserve {
namespace {

using namespace stream_check;
using testing::stream_options;

/// The default framing, which tells how many bytes it has seen: what has arrived is only known to a
/// stream once it has read it.
class watched_codec final : public codec {
public:
    explicit watched_codec(std::size_t& seen) : seen_(&seen) {}

    decoded decode(std::span<const std::byte> input) override {
        *seen_ = input.size();
        inner_.set_max_frame(max_frame());
        return inner_.decode(input);
    }

    unfinished_frame unfinished(std::size_t buffered) const noexcept override {
        return inner_.unfinished(buffered);
    }

    void restart() noexcept override { inner_.restart(); }

    error_code encode(frame_view header, frame_view body, envelope& out) override {
        return inner_.encode(header, body, out);
    }

private:
    length_prefix_codec inner_;
    std::size_t* seen_;
};

class stream_deadline_test : public stream_test {
protected:
    void open(const stream_limits& limits, bool narrow = false) {
        stream_options near;
        near.limits = limits;
        near.read = [this] { return std::make_unique<watched_codec>(seen_); };
        stream_test::open(near, {}, narrow);
    }

    /// Sends that, and waits until the near end has so many bytes that are not used up.
    void arrive(const std::string& raw, std::size_t unused) {
        finish(start(send(*far_, raw)));
        until([&] { return seen_ == unused; });
    }

    /// What is not expected to happen has its chance.
    void pass(duration time) {
        clock_.advance(time);
        turns();
    }

    testing::manual_clock clock_{context_};
    std::size_t seen_ = 0;
};

INSTANTIATE_TEST_SUITE_P(, stream_deadline_test, every_medium(), name_of);

stream_limits first_and_idle(duration first, duration idle) {
    stream_limits limits;
    limits.first_frame_timeout = first;
    limits.idle_timeout = idle;
    return limits;
}

stream_limits for_frames(duration time) {
    stream_limits limits;
    limits.frame_timeout = time;
    return limits;
}

// ---- nothing begun

TEST_P(stream_deadline_test, by_default_a_peer_may_be_silent_for_ever) {
    open({});
    const auto reader = start(ignore(next(*near_)));
    turns();
    pass(24h * 365);
    EXPECT_FALSE(reader->done);
    finish(start(send_frame(*far_, "at last")));
    finish(reader);
}

TEST_P(stream_deadline_test, first_frame_timeout) {
    open(first_and_idle(30s, 60s));
    const auto reader = start(ignore(next(*near_)));
    turns();
    pass(30s - 1ms);
    EXPECT_FALSE(reader->done);
    clock_.advance(1ms);
    EXPECT_EQ(failure(reader), errc::first_frame_timeout);
    EXPECT_EQ(failure(next(*near_)), errc::first_frame_timeout);  // the connection has ended
    run(send_frame(*near_, "good-bye"));                          // but for what is to be said
    EXPECT_EQ(run(next(*far_)), "good-bye");
}

TEST_P(stream_deadline_test, the_first_byte_ends_the_first_frame_timeout) {
    open(first_and_idle(5s, 60s));
    const auto reader = start(ignore(next(*near_)));
    turns();
    pass(4s);
    arrive("\5", 1);
    pass(9s);
    EXPECT_FALSE(reader->done);  // now it is frame-timeout that counts
    arrive(framed("hello").substr(1), 9);
    finish(reader);
    const auto second = start(ignore(next(*near_)));
    turns();
    pass(60s - 1ms);
    EXPECT_FALSE(second->done);
}

TEST_P(stream_deadline_test, whoever_never_speaks_is_idle) {
    open(first_and_idle({}, 60s));
    const auto reader = start(ignore(next(*near_)));
    turns();
    pass(60s - 1ms);
    EXPECT_FALSE(reader->done);
    clock_.advance(1ms);
    EXPECT_EQ(failure(reader), errc::idle_timeout);
}

TEST_P(stream_deadline_test, idle_timeout_begins_with_each_read) {
    open(first_and_idle({}, 60s));
    for (int i = 0; i < 3; ++i) {
        std::optional<std::string> got;
        const auto reader = start(next(*near_), got);
        turns();
        pass(59s);
        EXPECT_FALSE(reader->done);
        finish(start(send_frame(*far_, "tick")));
        finish(reader);
        EXPECT_EQ(got, "tick");
        pass(24h);  // the handler is at work
    }
    const auto reader = start(ignore(next(*near_)));
    turns();
    clock_.advance(60s);
    EXPECT_EQ(failure(reader), errc::idle_timeout);
}

TEST_P(stream_deadline_test, idle_timeout_goes_on_from_one_timed_read_to_the_next) {
    open(first_and_idle({}, 10s));
    finish(start(send_frame(*far_, "hello")));
    EXPECT_EQ(run(next(*near_)), "hello");
    for (int i = 0; i < 9; ++i) {
        const auto reader = start(ignore(next(*near_, 1s)));
        turns();
        clock_.advance(1s);
        EXPECT_EQ(failure(reader), errc::timeout) << i;
        pass(1h);  // which is not the peer's
    }
    const auto reader = start(ignore(next(*near_, 2s)));
    turns();
    clock_.advance(1s);
    EXPECT_EQ(failure(reader), errc::idle_timeout);
}

TEST_P(stream_deadline_test, what_had_arrived_is_read_however_late) {
    stream_limits limits = first_and_idle(1s, 1s);
    limits.frame_timeout = 1s;
    open(limits);
    finish(start(send(*far_, framed("one") + framed("two"))));
    await_arrival(14);
    pass(1h);
    EXPECT_EQ(run(next(*near_)), "one");
    pass(1h);
    EXPECT_EQ(run(next(*near_)), "two");
}

TEST_P(stream_deadline_test, a_raw_read_takes_what_a_timed_out_frame_had) {
    open({});
    finish(start(send(*far_, framed("hello, world").substr(0, 7))));
    await_arrival(7);
    const auto reader = start(ignore(next(*near_, 1s)));
    turns();
    clock_.advance(1s);
    EXPECT_EQ(failure(reader), errc::timeout);
    EXPECT_EQ(run(some(*near_)), framed("hello, world").substr(0, 7));
    finish(start(send(*far_, framed("and so on"))));
    EXPECT_EQ(run(next(*near_)), "and so on");
}

TEST_P(stream_deadline_test, the_shorter_of_limit_and_deadline_counts) {
    open(first_and_idle(10s, 10s));
    const auto limited = start(ignore(next(*near_, 9s)));
    turns();
    clock_.advance(9s);
    EXPECT_EQ(failure(limited), errc::timeout);
    const auto reader = start(ignore(next(*near_, 9s)));
    turns();
    clock_.advance(9s);
    EXPECT_EQ(failure(reader), errc::first_frame_timeout);
}

// ---- something begun

TEST_P(stream_deadline_test, frame_timeout) {
    open(for_frames(10s));
    const auto reader = start(ignore(next(*near_)));
    turns();
    pass(1h);
    arrive(framed("hello").substr(0, 6), 6);
    pass(10s - 1ms);
    EXPECT_FALSE(reader->done);
    clock_.advance(2ms);
    EXPECT_EQ(failure(reader), errc::frame_timeout);
    EXPECT_EQ(failure(next(*near_)), errc::frame_timeout);
    run(send_frame(*near_, "good-bye"));
    EXPECT_EQ(run(next(*far_)), "good-bye");
}

TEST_P(stream_deadline_test, a_trickle_does_not_put_frame_timeout_off) {
    open(for_frames(10s));
    const auto reader = start(ignore(next(*near_)));
    const std::string raw = framed(std::string(100, 'x'));
    for (std::size_t i = 0; i < 10; ++i) {
        EXPECT_FALSE(reader->done) << i;
        arrive(raw.substr(i, 1), i + 1);
        pass(i == 0 ? 1002ms : 1s);  // some of it for its length
    }
    EXPECT_EQ(failure(reader), errc::frame_timeout);
}

TEST_P(stream_deadline_test, frame_timeout_counts_the_declared_length) {
    open(for_frames(10s));
    const auto reader = start(ignore(next(*near_)));
    turns();
    constexpr std::size_t size = (320 << 10) - 4;  // with its header five steps
    arrive(framed(std::string(size, 'x')).substr(0, 4), 4);
    pass(15s - 1ms);
    EXPECT_FALSE(reader->done);
    clock_.advance(2ms);
    EXPECT_EQ(failure(reader), errc::frame_timeout);
}

TEST_P(stream_deadline_test, a_frame_that_is_dropped_has_the_time_of_a_piece) {
    open(for_frames(10s));
    length_prefix_codec::options skipping;
    skipping.too_long = on_too_long::skip;
    near_->read_with(std::make_unique<length_prefix_codec>(skipping));
    const auto reader = start(ignore(next(*near_)));
    turns();
    const auto come = [&](const std::string& raw) {
        finish(start(send(*far_, raw)));
        until([&] { return arrived() == 0; });
        turns();
    };
    come(std::string("\0\0\0\x7f", 4));  // of 2 GiB: 9 hours at the pace that is asked for
    for (int i = 0; i < 3; ++i) {
        pass(11s - 1ms);
        EXPECT_FALSE(reader->done);
        come(std::string(64 << 10, 'x'));  // a piece
    }
    for (int i = 0; i < 10; ++i) {
        pass(1s);
        EXPECT_FALSE(reader->done);
        come("x");  // less than one, and no more time
    }
    clock_.advance(1s);
    EXPECT_EQ(failure(reader), errc::frame_timeout);
}

TEST_P(stream_deadline_test, frame_timeout_counts_what_came_where_no_length_is_known) {
    open(for_frames(10s));
    const auto reader = start(ignore(before(*near_, "\n")));
    turns();
    const std::string piece(128 << 10, 'x');
    finish(start(send(*far_, piece)));
    until([&] { return arrived() == 0; });
    turns();
    pass(12s - 1ms);
    EXPECT_FALSE(reader->done);
    clock_.advance(2ms);
    EXPECT_EQ(failure(reader), errc::frame_timeout);
}

TEST_P(stream_deadline_test, frame_timeout_counts_in_read_exactly_and_read_until) {
    for (const bool exact : {true, false}) {
        open(for_frames(10s));
        const auto reader =
            start(ignore(exact ? exactly(*near_, 100) : before(*near_, std::string("\r\n"))));
        turns();
        pass(1h);
        finish(start(send(*far_, "begun")));
        until([&] { return arrived() == 0; });
        turns();
        pass(10s - 1ms);
        EXPECT_FALSE(reader->done);
        clock_.advance(3ms);
        EXPECT_EQ(failure(reader), errc::frame_timeout);
    }
}

TEST_P(stream_deadline_test, frame_timeout_begins_anew_with_each_frame) {
    open(for_frames(10s));
    std::vector<std::string> got;
    const auto reader = start(all_frames(*near_), got);
    const std::string frame = framed("hello");
    for (int i = 0; i < 5; ++i) {
        arrive(frame.substr(0, 5), 5);
        pass(9s);
        arrive(frame.substr(5) + frame.substr(0, 3), 3);
        pass(9s);
        arrive(frame.substr(3), 9);
    }
    far_->close();
    finish(reader);
    EXPECT_EQ(got.size(), 10U);
}

TEST_P(stream_deadline_test, frame_timeout_counts_only_while_reading) {
    open(for_frames(10s));
    finish(start(send(*far_, framed("hello").substr(0, 6))));
    for (int i = 0; i < 9; ++i) {
        const auto reader = start(ignore(next(*near_, 1s)));
        until([&] { return seen_ == 6; });
        turns();
        clock_.advance(1s);
        EXPECT_EQ(failure(reader), errc::timeout);
        pass(1h);
    }
    const auto reader = start(ignore(next(*near_)));
    turns();
    pass(1s - 1ms);
    EXPECT_FALSE(reader->done);
    clock_.advance(2ms);
    EXPECT_EQ(failure(reader), errc::frame_timeout);
}

TEST_P(stream_deadline_test, zero_is_none) {
    open(for_frames({}));
    const auto reader = start(ignore(next(*near_)));
    turns();
    arrive(framed("hello").substr(0, 6), 6);
    pass(24h * 365);
    EXPECT_FALSE(reader->done);
    finish(start(send(*far_, framed("hello").substr(6))));
    finish(reader);
}

// ---- output

TEST_P(stream_deadline_test, write_timeout) {
    for (const std::size_t piece :
         {1000UL, 1'000'000UL}) {  // through the queue, and from within the call
        stream_limits limits;
        limits.high_water = limits.low_water = 2 << 20;
        open(limits, true);
        for (std::size_t size = 0; size < (1U << 20); size += piece) {
            const auto written = near_->write(std::string(piece, 'x'));
            static_cast<void>(written);
        }
        const auto flush = start(flushed(*near_));
        const auto reader = start(ignore(next(*near_)));
        const auto watcher = start(gone(*near_));
        turns();
        ASSERT_GT(near_->queued(), 0U);
        pass(30s - 1ms);
        EXPECT_FALSE(flush->done || reader->done || watcher->done);
        clock_.advance(1ms);
        EXPECT_EQ(failure(flush), errc::write_timeout);
        EXPECT_EQ(failure(reader), errc::write_timeout);
        finish(watcher);
        EXPECT_EQ(failure(send(*near_, "x")), errc::write_timeout);
        EXPECT_EQ(failure(next(*near_)), errc::write_timeout);
        EXPECT_EQ(near_->queued(), 0U);
    }
}

TEST_P(stream_deadline_test, a_writer_that_waits_for_a_deaf_peer_has_write_timeout) {
    open({}, true);
    const auto writer = start(send_frame(*near_, std::string(too_much, 'x')));
    turns();
    pass(30s - 1ms);
    EXPECT_FALSE(writer->done);
    clock_.advance(1ms);
    EXPECT_EQ(failure(writer), errc::write_timeout);
}

TEST_P(stream_deadline_test, progress_puts_write_timeout_off) {
    open({}, true);
    block(*near_);
    const auto read_until_more_is_sent = [](frame_stream& from, frame_stream& s) -> task<> {
        const std::size_t queued = s.queued();
        while (s.queued() == queued)
            co_await from.read_some();
    };
    int rounds = 0;
    for (; near_->queued() != 0; ++rounds) {
        pass(29s);
        run(read_until_more_is_sent(*far_, *near_));
    }
    EXPECT_GT(rounds, 2);
    pass(1h);  // with nothing queued nothing is late
    run(send(*near_, "still there"));
}

TEST_P(stream_deadline_test, a_write_timeout_of_zero_is_none) {
    stream_limits limits;
    limits.write_timeout = {};
    open(limits, true);
    block(*near_);
    const auto flush = start(flushed(*near_));
    turns();
    pass(24h * 365);
    EXPECT_FALSE(flush->done);
    std::string got;
    const auto reader = start(all_bytes(*far_), got);
    finish(flush);
    near_->close();
    finish(reader);
    EXPECT_EQ(got.size(), too_much);
}

// ---- on the real clock

TEST(stream_deadline_on_the_real_clock, deadlines_pass_by_themselves) {
    io_context context;
    testing::memory_wire wire(context);
    stream_options options;
    options.limits.idle_timeout = options.limits.first_frame_timeout = 50ms;
    frame_stream near = wire.open(testing::memory_wire::end::server, options);
    frame_stream far = wire.open(testing::memory_wire::end::client);
    const auto read = [&] {
        auto state = std::make_shared<beside>();
        asio::co_spawn(context, ignore(next(near)), [state](std::exception_ptr error) {
            state->done = true;
            state->error = error;
        });
        context.restart();
        context.poll();
        return state;
    };
    for (int i = 0; i < 3; ++i) {  // set, and taken back
        const auto reader = read();
        testing::run_coroutine(context, send_frame(far, "hello"));
        testing::run_until(context, [&] { return reader->done; });
        ASSERT_FALSE(reader->error);
    }
    const auto reader = read();
    testing::run_until(context, [&] { return reader->done; });
    EXPECT_EQ(code_of(reader->error), errc::idle_timeout);
}

}  // namespace
}  // namespace coserve
