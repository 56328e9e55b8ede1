#include "stream_pair.hpp"

#include "stream_state.hpp"

#include <coserve/raw.hpp>
#include <coserve/sleep.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <gmock/gmock.h>

namespace coserve {
namespace {

using namespace stream_check;
using testing::stream_options;

const error_code reset_by_peer(ECONNRESET, boost::system::system_category());
const error_code aborted = asio::error::operation_aborted;

class stream_close_test : public stream_test {
protected:
    bool is_closed(frame_stream& s) { return s.state().happened(stream_event::closed); }

    /// The end of what it gives, however much that is: the error, or none for a clean end.
    error_code end_of(frame_stream& s) { return failure(all_bytes(s)); }
};

INSTANTIATE_TEST_SUITE_P(, stream_close_test, every_medium(), name_of);

// ---- FIN, not reset

TEST_P(stream_close_test, a_million_bytes_with_unread_input_behind_them_arrive_whole) {
    open();
    const auto unread = start(send(*far_, std::string(100'000, 'u')));
    until([&] { return arrived() > 10'000; });
    const auto reply = [](frame_stream& s) -> task<> {
        for (std::uint32_t i = 0; i < 1000; ++i)
            co_await s.write(pattern(1000, i));
        s.close();
    };
    const auto server = start(reply(*near_));
    std::string expected;
    for (std::uint32_t i = 0; i < 1000; ++i)
        expected += pattern(1000, i);
    EXPECT_TRUE(same_bytes(run(all_bytes(*far_)), expected));
    finish(server);
    finish(unread);
}

TEST_P(stream_close_test, a_stream_that_is_destroyed_does_the_same) {
    open();
    const auto unread = start(send(*far_, std::string(100'000, 'u')));
    until([&] { return arrived() > 10'000; });
    const std::string reply = pattern(1'000'000);
    static_cast<void>(near_->write(reply));
    near_.reset();
    EXPECT_TRUE(same_bytes(run(all_bytes(*far_)), reply));
    finish(unread);
}

TEST_P(stream_close_test, input_that_goes_on_meanwhile_does_no_harm) {
    open({}, {}, true);
    const auto flood = [](frame_stream& s) -> task<> {
        for (int i = 0; i < 80; ++i)  // less than a mebibyte, which would end it
            co_await s.write(std::string(10'000, 'u'));
        co_await s.flush();
    };
    const auto flooding = start(flood(*far_));
    until([&] { return arrived() > 0; });
    const std::string reply = pattern(1'000'000);
    static_cast<void>(near_->write(reply));
    near_->close();
    EXPECT_TRUE(same_bytes(run(all_bytes(*far_)), reply));
    finish(flooding);
    far_->close();
    run(ended(*near_));
}

TEST_P(stream_close_test, both_sides_may_close_at_once) {
    open();
    static_cast<void>(near_->write_frame("from near"));
    static_cast<void>(far_->write_frame("from far"));
    near_->close();
    far_->close();
    run(ended(*near_));
    run(ended(*far_));
}

TEST_P(stream_close_test, a_peer_that_ended_its_side_gets_all_replies) {
    open();
    std::string requests, expected;
    for (int i = 0; i < 1000; ++i) {
        requests += framed(std::to_string(i));
        expected += framed(std::to_string(i));
    }
    finish(start(send(*far_, requests)));
    finish_far();
    const auto echo = [](frame_stream& s) -> task<> {
        while (const auto f = co_await s.read_frame())
            co_await s.write_frame(*f);
        s.close();
    };
    const auto server = start(echo(*near_));
    EXPECT_TRUE(same_bytes(run(all_bytes(*far_)), expected));
    finish(server);
    run(ended(*near_));
}

TEST_P(stream_close_test, after_close_everything_throws) {
    open();
    const auto reader = start(ignore(next(*near_)));
    turns();
    near_->close();
    near_->close();
    EXPECT_EQ(failure(reader), errc::closed);
    EXPECT_EQ(failure(next(*near_)), errc::closed);
    EXPECT_EQ(failure(some(*near_)), errc::closed);
    EXPECT_EQ(failure(send(*near_, "x")), errc::closed);
    EXPECT_EQ(failure(send_frame(*near_, "x")), errc::closed);
    EXPECT_EQ(run(next(*far_)), std::nullopt);
    far_->close();
    run(gone(*near_));
    run(ended(*near_));
    EXPECT_EQ(failure(next(*near_)), errc::closed);
    EXPECT_EQ(failure(send_frame(*near_, "x")), errc::closed);
    near_->close();
    near_->abort();
}

TEST_P(stream_close_test, flush_after_close_waits_for_the_rest) {
    open({}, {}, true);
    block(*near_);
    near_->close();
    const auto flush = start(flushed(*near_));
    turns();
    EXPECT_FALSE(flush->done);
    EXPECT_EQ(end_of(*far_), error_code());
    finish(flush);
}

// ---- how long it waits for the peer

TEST_P(stream_close_test, waits_two_seconds_for_the_end_of_the_peer) {
    testing::manual_clock clock(context_);
    open();
    near_->close();
    until([&] { return unacknowledged() == 0; });
    clock.advance(5ms);  // after which it asks
    clock.advance(1990ms);
    turns();
    EXPECT_FALSE(is_closed(*near_));
    clock.advance(10ms);
    EXPECT_TRUE(is_closed(*near_));
    EXPECT_EQ(run(next(*far_)), std::nullopt);
}

TEST_P(stream_close_test, waits_for_a_peer_that_takes_output_however_slowly) {
    testing::manual_clock clock(context_);
    open({}, {}, true);
    block(*near_);
    near_->close();
    const auto read_until_more_is_sent = [](frame_stream& from, frame_stream& s) -> task<> {
        const std::size_t queued = s.queued();
        while (s.queued() == queued)
            co_await from.read_some();
    };
    while (near_->queued() != 0) {
        clock.advance(29s);
        turns();
        ASSERT_FALSE(is_closed(*near_));
        run(read_until_more_is_sent(*far_, *near_));
    }
    if (unacknowledged() != 0) {
        clock.advance(29s);
        turns();
        ASSERT_FALSE(is_closed(*near_));
    }
    EXPECT_EQ(end_of(*far_), error_code());
    until([&] { return unacknowledged() == 0; });
    clock.advance(250ms);
    EXPECT_FALSE(is_closed(*near_));
    clock.advance(2s);
    EXPECT_TRUE(is_closed(*near_));
}

TEST_P(stream_close_test, a_peer_that_takes_nothing_is_reset_after_the_write_timeout) {
    testing::manual_clock clock(context_);
    open({}, {}, true);
    block(*near_);
    near_->close();
    clock.advance(29s);
    turns();
    EXPECT_FALSE(is_closed(*near_));
    clock.advance(1s);
    EXPECT_TRUE(is_closed(*near_));
    const error_code end = end_of(*far_);
    // A Unix socket gives what was sent, and a plain end.
    EXPECT_EQ(end, GetParam() == medium::local ? error_code() : reset_by_peer);
}

TEST_P(stream_close_test, so_is_that_of_a_stream_that_was_destroyed) {
    testing::manual_clock clock(context_);
    open({}, {}, true);
    block(*near_);
    near_.reset();
    clock.advance(30s);
    const error_code end = end_of(*far_);
    EXPECT_EQ(end, GetParam() == medium::local ? error_code() : reset_by_peer);
}

TEST_P(stream_close_test, a_mebibyte_of_input_ends_the_wait_once_all_is_acknowledged) {
    testing::manual_clock clock(context_);
    open({}, {}, true);
    near_->close();
    until([&] { return unacknowledged() == 0; });
    clock.advance(5ms);
    std::size_t sent = 0;
    const auto flood = [](frame_stream& s, std::size_t& count) -> task<> {
        for (; count < (4U << 20); count += 8 << 10) {
            co_await s.write(std::string(8 << 10, 'u'));
            co_await s.flush();
        }
    };
    const auto flooding = start(flood(*far_, sent));
    until([&] { return is_closed(*near_); });
    EXPECT_GT(sent + (8U << 10), 1U << 20);
    EXPECT_TRUE(failure(flooding));
}

TEST_P(stream_close_test, less_than_a_mebibyte_does_not) {
    testing::manual_clock clock(context_);
    open();
    near_->close();
    until([&] { return unacknowledged() == 0; });
    clock.advance(5ms);
    finish(start(send(*far_, std::string(1 << 20, 'u'))));
    until([&] { return arrived() == 0; });
    turns();
    EXPECT_FALSE(is_closed(*near_));
    far_->close();
    run(ended(*near_));
    EXPECT_EQ(end_of(*far_), errc::closed);
}

// ---- abort

TEST_P(stream_close_test, abort_resets) {
    open();
    finish(start(send(*far_, "unread")));  // without it, a Unix socket tells of a plain end
    await_arrival(6);
    const auto reader = start(ignore(next(*far_)));
    turns();
    near_->abort();
    EXPECT_TRUE(is_closed(*near_));
    EXPECT_EQ(failure(reader), reset_by_peer);
    EXPECT_TRUE(failure(next(*near_)));
    EXPECT_TRUE(failure(send(*near_, "x")));
}

TEST_P(stream_close_test, abort_tells_whoever_waits_that_output_is_lost) {
    stream_options options;
    options.limits.high_water = options.limits.low_water = 1000;
    open(options, {}, true);
    const auto write = [](frame_stream& s) -> task<> {
        for (;;)
            co_await s.write(pattern(100'000));
    };
    const auto writer = start(write(*near_));
    until([&] { return near_->queued() != 0; });
    const auto flush = start(flushed(*near_));
    const auto reader = start(ignore(next(*near_)));
    const auto watcher = start(gone(*near_));
    turns();
    EXPECT_FALSE(writer->done || flush->done || reader->done || watcher->done);
    near_->abort();
    EXPECT_EQ(failure(reader), aborted);
    EXPECT_TRUE(failure(writer));
    EXPECT_TRUE(failure(flush));
    finish(watcher);
    EXPECT_TRUE(failure(flushed(*near_)));
    EXPECT_EQ(near_->queued(), 0U);
}

TEST_P(stream_close_test, abort_ends_a_close_under_way) {
    open({}, {}, true);
    block(*near_);
    near_->close();
    EXPECT_FALSE(is_closed(*near_));
    near_->abort();
    EXPECT_TRUE(is_closed(*near_));
    turns();
}

// ---- closed()

TEST_P(stream_close_test, closed_completes_behind_unread_data) {
    open();
    const auto first = start(gone(*near_)), second = start(gone(*near_));
    turns();
    finish(start(send(*far_, framed("unread") + framed("too"))));
    await_arrival(17);
    EXPECT_FALSE(first->done || second->done);
    far_->close();
    finish(first);
    finish(second);
    run(gone(*near_));  // at once, again and again
    auto operation = near_->closed();
    EXPECT_TRUE(operation.ready());
    EXPECT_EQ(run(next(*near_)), "unread");  // it took nothing
    EXPECT_EQ(run(next(*near_)), "too");
    EXPECT_EQ(run(next(*near_)), std::nullopt);
}

TEST_P(stream_close_test, closed_completes_on_a_reset) {
    open();
    finish(start(send(*far_, "unread")));
    finish(start(send(*near_, "unread")));
    const auto waiting = start(gone(*near_));
    await_arrival(6);
    EXPECT_FALSE(waiting->done);
    far_->abort();
    finish(waiting);
}

TEST_P(stream_close_test, closed_completes_while_a_reader_waits) {
    open();
    std::optional<std::string> got("");
    const auto waiting = start(gone(*near_));
    const auto reader = start(next(*near_), got);
    turns();
    far_->close();
    finish(waiting);
    finish(reader);
    EXPECT_EQ(got, std::nullopt);
}

TEST_P(stream_close_test, closed_completes_when_this_side_ends) {
    open();
    const auto waiting = start(gone(*near_));
    turns();
    near_->abort();
    finish(waiting);
}

TEST_P(stream_close_test, closed_can_be_cancelled) {
    open();
    asio::cancellation_signal cancel;
    std::exception_ptr first;
    near_->closed()(asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr e) {
        first = e;
    }));
    const auto second = start(gone(*near_));
    turns();
    cancel.emit(asio::cancellation_type::terminal);
    until([&] { return first != nullptr; });
    EXPECT_EQ(code_of(first), aborted);
    turns();
    EXPECT_FALSE(second->done);
    cancel.emit(asio::cancellation_type::terminal);  // there is nothing left to cancel
    far_->close();
    finish(second);
}

// ---- readers that learn of a reset

TEST_P(stream_close_test, a_waiting_reader_learns_of_a_reset) {
    open();
    finish(start(send(*near_, "unread")));
    const auto reader = start(ignore(next(*near_)));
    const auto other = start(gone(*near_));
    turns();
    far_->abort();
    EXPECT_EQ(failure(reader), reset_by_peer);
    finish(other);
    EXPECT_EQ(failure(next(*near_)), reset_by_peer);
    EXPECT_EQ(failure(some(*near_)), reset_by_peer);
    near_->close();
    EXPECT_TRUE(is_closed(*near_));
}

// ---- destruction

TEST_P(stream_close_test, a_stream_may_be_destroyed_by_its_own_reader) {
    for (const bool with_output : {false, true}) {
        open();
        bool called = false;
        near_->read_frame()([&](std::exception_ptr, std::optional<frame> f) {
            called = true;
            EXPECT_EQ(kept(f), "hello");
            if (with_output)
                static_cast<void>(near_->write_frame(*f));
            near_.reset();
        });
        finish(start(send_frame(*far_, "hello")));
        until([&] { return called; });
        if (with_output) {
            EXPECT_EQ(run(next(*far_)), "hello");
        }
        EXPECT_EQ(run(next(*far_)), std::nullopt);
    }
}

TEST_P(stream_close_test, whoever_waits_for_a_stream_that_is_destroyed_is_told) {
    open({}, {}, true);
    block(*near_);
    const auto reader = start(ignore(next(*near_)));
    const auto flush = start(flushed(*near_));
    const auto watcher = start(gone(*near_));
    turns();
    near_.reset();
    EXPECT_EQ(failure(reader), errc::closed);
    EXPECT_EQ(end_of(*far_), error_code());
    finish(flush);
    far_->close();
    finish(watcher);
}

TEST_P(stream_close_test, a_coroutine_may_own_its_stream) {
    open();
    const auto echo = [](frame_stream s) -> task<> {
        while (const auto f = co_await s.read_frame())
            co_await s.write_frame(*f);
    };
    const auto server = start(echo(std::move(*near_)));
    finish(start(send(*far_, framed("a") + framed("b"))));
    EXPECT_EQ(run(next(*far_)), "a");
    EXPECT_EQ(run(next(*far_)), "b");
    far_->close();
    finish(server);
}

TEST_P(stream_close_test, run_returns_once_the_last_stream_is_gone) {
    open();
    const auto echo = [](frame_stream s) -> task<> {
        while (const auto f = co_await s.read_frame())
            co_await s.write_frame(*f);
    };
    const auto ask = [](frame_stream s) -> task<> {
        for (int i = 0; i < 10; ++i) {
            co_await s.write_frame("hello");
            co_await s.read_frame();
        }
    };
    start(echo(std::move(*near_)));
    start(ask(std::move(*far_)));
    context_.restart();
    const auto begin = std::chrono::steady_clock::now();
    context_.run_for(20s);
    EXPECT_TRUE(context_.stopped());
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
}

TEST_P(stream_close_test, run_does_not_return_while_a_stream_waits) {
    open();
    start(gone(*near_));
    context_.restart();
    context_.run_for(20ms);
    EXPECT_FALSE(context_.stopped());
}

// Everything that can wait, waits.
void keep_busy(io_context& context, frame_stream& s) {
    const auto read = [](frame_stream& of) -> task<> { co_await of.read_frame(); };
    const auto write = [](frame_stream& of) -> task<> {
        for (;;)
            co_await of.write_frame(pattern(10'000));
    };
    asio::co_spawn(context, read(s), asio::detached);
    asio::co_spawn(context, write(s), asio::detached);
    asio::co_spawn(context, flushed(s), asio::detached);
    asio::co_spawn(context, gone(s), asio::detached);
}

class stream_lifetime_test : public stream_close_test {
protected:
    /// In a context of its own, which ends before the fixture does.
    std::pair<frame_stream, frame_stream> connect(io_context& context, bool narrow = false) {
        if (GetParam() == medium::memory) {
            testing::memory_wire wire(context);
            if (narrow)
                wire.set_capacity(16 << 10);
            auto near = wire.open(testing::memory_wire::end::server);
            return {std::move(near), wire.open(testing::memory_wire::end::client)};
        }
        const sockets pair =
            GetParam() == medium::local ? local_sockets() : tcp_sockets(narrow ? 64 << 10 : 0);
        auto near = testing::open_socket(context, pair[0]);
        return {std::move(near), testing::open_socket(context, pair[1])};
    }
};

INSTANTIATE_TEST_SUITE_P(, stream_lifetime_test, every_medium(), name_of);

TEST_P(stream_lifetime_test, the_context_may_end_first) {
    auto context = std::make_unique<io_context>();
    auto [near, far] = connect(*context, true);
    keep_busy(*context, near);
    keep_busy(*context, far);
    context->poll();
    context.reset();
    for (frame_stream* s : {&near, &far}) {
        EXPECT_EQ(s->queued(), 0U);
        EXPECT_THROW(static_cast<void>(s->write_frame("x")), system_error);
        auto read = s->read_frame();
        EXPECT_THROW(read.ready(), system_error);
        auto closed = s->closed();
        EXPECT_TRUE(closed.ready());
        auto flush = s->flush();
        EXPECT_TRUE(flush.ready());
        EXPECT_EQ(s->sender().post({}), mailbox::result::closed);
        s->close();
        s->abort();
    }
}

TEST_P(stream_lifetime_test, the_context_may_end_after_a_frame_was_read) {
    auto context = std::make_unique<io_context>();
    auto [near, far] = connect(*context);
    testing::run_coroutine(*context, send_frame(far, "hello"));
    EXPECT_EQ(testing::run_coroutine(*context, next(near)), "hello");
    context.reset();
    auto read = near.read_frame();
    EXPECT_THROW(read.ready(), system_error);
}

TEST_P(stream_lifetime_test, the_streams_may_end_first) {
    auto context = std::make_unique<io_context>();
    {
        auto [near, far] = connect(*context, true);
        const auto write = [](frame_stream& s) -> task<> { co_await s.write(pattern(1000)); };
        asio::co_spawn(*context, write(near), asio::detached);
        context->poll();
    }
    context.reset();
}

TEST_P(stream_lifetime_test, the_context_may_own_everything) {
    const auto hold = [](frame_stream s, frame_stream t) -> task<> {
        co_await s.write_frame("hello");
        co_await t.read_frame();
        co_await t.write_frame("queued when the context ends");
        co_await s.closed();
    };
    const auto read = [](frame_stream s) -> task<> { co_await s.read_frame(); };
    const auto write = [](frame_stream s) -> task<> {
        for (;;)
            co_await s.write_frame(pattern(10'000));
    };
    for (int turns = 0; turns < 12; ++turns) {
        io_context context;
        auto [near, far] = connect(context);
        asio::co_spawn(context, hold(std::move(near), std::move(far)), asio::detached);
        auto [a, b] = connect(context, true);
        asio::co_spawn(context, read(std::move(a)), asio::detached);
        asio::co_spawn(context, write(std::move(b)), asio::detached);
        for (int i = 0; i < turns; ++i)
            context.poll_one();
    }
}

TEST_P(stream_lifetime_test, the_context_may_end_while_a_stream_closes) {
    for (const bool blocked : {false, true}) {
        for (int turns = 0; turns < 4; ++turns) {
            io_context context;
            auto [near, far] = connect(context, true);
            {
                const frame_stream ending(std::move(near));
                const std::string output(blocked ? 1 << 20 : 10, 'x');
                static_cast<void>(const_cast<frame_stream&>(ending).write(output));
            }
            for (int i = 0; i < turns; ++i)
                context.poll_one();
        }
    }
}

TEST_P(stream_lifetime_test, a_thousand_contexts_with_idle_streams) {
    for (int i = 0; i < 1000; ++i) {
        io_context context;
        auto [near, far] = connect(context);
        const auto read = [](frame_stream s) -> task<> { co_await s.read_frame(); };
        asio::co_spawn(context, read(std::move(near)), asio::detached);
        if (i % 2 == 0)
            context.poll();
    }
}

// ---- the end of a server

TEST_P(stream_close_test, a_drain_gives_what_had_arrived_and_then_the_end) {
    open();
    finish(start(send(*far_, framed("a") + framed("b") + framed("begun").substr(0, 6))));
    await_arrival(16);
    EXPECT_EQ(run(next(*near_)), "a");
    near_->state().begin_drain();
    EXPECT_TRUE(near_->draining());
    EXPECT_EQ(run(next(*near_)), "b");
    std::optional<std::string> got;
    const auto reader = start(next(*near_), got);
    turns();
    EXPECT_FALSE(reader->done);
    finish(start(send(*far_, framed("begun").substr(6) + framed("too late"))));
    finish(reader);
    EXPECT_EQ(got, "begun");
    EXPECT_EQ(run(next(*near_)), std::nullopt);
}

TEST_P(stream_close_test, a_drain_ends_an_idle_reader_at_once) {
    open();
    std::optional<std::string> got("");
    const auto reader = start(next(*near_), got);
    turns();
    near_->state().begin_drain();
    finish(reader);
    EXPECT_EQ(got, std::nullopt);
    finish(start(send_frame(*far_, "too late")));
    EXPECT_EQ(run(next(*near_)), std::nullopt);
}

}  // namespace
}  // namespace coserve
