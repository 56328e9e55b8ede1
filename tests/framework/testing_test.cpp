#include "plain_peer.hpp"
#include "stream_pair.hpp"

#include <coserve/raw.hpp>
#include <coserve/server.hpp>
#include <coserve/sleep.hpp>
#include <coserve/testing/loopback_server.hpp>

#include <boost/asio/detached.hpp>
#include <gmock/gmock.h>

#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

namespace coserve {
namespace {

using namespace stream_check;
using end = testing::memory_wire::end;
using ::testing::ElementsAre;
using ::testing::SizeIs;

const error_code reset_by_peer(ECONNRESET, boost::system::system_category());

// ---- run_coroutine

TEST(run_coroutine_test, gives_what_the_coroutine_returns) {
    io_context context;
    const auto number = []() -> task<int> { co_return 7; };
    EXPECT_EQ(testing::run_coroutine(context, number()), 7);
    const auto owned = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(8); };
    EXPECT_EQ(*testing::run_coroutine(context, owned()), 8);
    const auto nothing = []() -> task<> { co_await sleep(1ms); };
    testing::run_coroutine(context, nothing());
}

TEST(run_coroutine_test, gives_what_has_no_default) {
    io_context context;
    testing::memory_wire wire(context);
    const auto make = [](testing::memory_wire& w) -> task<frame_stream> {
        co_return w.open(end::server);
    };
    frame_stream made = testing::run_coroutine(context, make(wire));
    EXPECT_EQ(made.queued(), 0U);
}

TEST(run_coroutine_test, throws_what_the_coroutine_throws) {
    io_context context;
    const auto fail = [](bool late) -> task<int> {
        if (late)
            co_await sleep(1ms);
        throw std::out_of_range("far");
    };
    EXPECT_THROW(testing::run_coroutine(context, fail(false)), std::out_of_range);
    EXPECT_THROW(testing::run_coroutine(context, fail(true)), std::out_of_range);
}

TEST(run_coroutine_test, reports_a_hang_after_its_limit) {
    io_context context;
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_THROW(testing::run_coroutine(context, sleep(1h), 20ms), testing::hang);
    const auto passed = std::chrono::steady_clock::now() - begin;
    EXPECT_GE(passed, 20ms);
    EXPECT_LT(passed, 10s);
}

TEST(run_coroutine_test, reports_a_hang_of_a_loop_that_never_waits) {
    io_context context;
    const auto spin = []() -> task<> {
        for (;;)
            co_await sleep(0s);
    };
    EXPECT_THROW(testing::run_coroutine(context, spin(), 20ms), testing::hang);
}

TEST(run_coroutine_test, reports_a_hang_under_a_clock_that_stands_still) {
    io_context context;
    const testing::manual_clock clock(context);
    EXPECT_THROW(testing::run_coroutine(context, sleep(1ms), 20ms), testing::hang);
}

TEST(run_coroutine_test, what_else_runs_goes_on_meanwhile) {
    io_context context;
    int count = 0;
    const auto tick = [](int& c) -> task<> {
        for (;;) {
            ++c;
            co_await sleep(100us);
        }
    };
    asio::co_spawn(context, tick(count), asio::detached);
    testing::run_until(context, [&] { return count == 5; });
    const int before = count;
    testing::run_coroutine(context, sleep(5ms));
    EXPECT_GT(count, before);
}

TEST(run_until_test, reports_a_context_without_work_at_once) {
    io_context context;
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_THROW(testing::run_until(context, [] { return false; }), testing::hang);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
    testing::run_until(context, [] { return true; });
}

// ---- manual_clock

TEST(manual_clock_test, moves_only_by_hand) {
    io_context context;
    testing::manual_clock clock(context);
    const time_point begin = now(context.get_executor());
    context.run_for(2ms);
    EXPECT_EQ(now(context.get_executor()), begin);
    clock.advance(1h);
    EXPECT_EQ(now(context.get_executor()), begin + 1h);
}

TEST(manual_clock_test, can_be_moved_from_within_a_coroutine) {
    io_context context;
    testing::manual_clock clock(context);
    testing::memory_wire wire(context);
    frame_stream near = wire.open(end::server), far = wire.open(end::client);
    bool woken = false;
    const auto wait = [](bool& done) -> task<> {
        co_await sleep(1h);
        done = true;
    };
    const auto serve = [](frame_stream& s, testing::manual_clock& c) -> task<> {
        co_await s.read_frame();  // goes on within a turn
        c.advance(1h);
    };
    asio::co_spawn(context, wait(woken), asio::detached);
    asio::co_spawn(context, serve(near, clock), asio::detached);
    context.poll();
    testing::run_coroutine(context, send_frame(far, "go on"));
    testing::run_until(context, [&] { return woken; });
}

TEST(manual_clock_test, tells_each_at_its_own_time) {
    io_context host;
    testing::manual_clock clock(host);
    const time_point begin = now(host.get_executor());
    server s(host.get_executor());
    std::vector<duration> calls;
    s.every(1s, [&] { calls.push_back(now(host.get_executor()) - begin); });
    asio::co_spawn(host, s.serve(), asio::detached);
    host.poll();
    clock.advance(3500ms);
    EXPECT_THAT(calls, ElementsAre(1s, 2s, 3s));
    clock.advance(6500ms);
    EXPECT_THAT(calls, SizeIs(10));
    EXPECT_EQ(calls.back(), 10s);
    EXPECT_EQ(now(host.get_executor()), begin + 10s);
}

TEST(manual_clock_test, what_a_deadline_resumes_runs_in_the_next_turns) {
    io_context context;
    testing::manual_clock clock(context);
    int rounds = 0;
    const auto tick = [](int& count) -> task<> {
        for (;;) {
            co_await sleep(1s);
            ++count;
        }
    };
    asio::co_spawn(context, tick(rounds), asio::detached);
    context.poll();
    clock.advance(10s);
    EXPECT_EQ(rounds, 0);
    context.poll();
    EXPECT_EQ(rounds, 1);
}

// ---- loopback_server

TEST(loopback_server_test, calls_the_callers_sink_too) {
    std::mutex mutex;
    std::vector<std::string> told;
    server_options options{.cores = 1};
    options.log = [&](const log_record& record) {
        const std::scoped_lock lock(mutex);
        told.push_back(log_text(record));
    };
    testing::loopback_server s(
        [](registry& r) {
            r.add("broken", [](frame_stream&) -> task<> {
                throw std::runtime_error("broken");
                co_return;
            });
        },
        "broken",
        "",
        options
    );
    server_check::plain_peer p(s.url());
    EXPECT_EQ(p.receive_rest(), "");
    p.close();
    s.stop();
    EXPECT_THAT(s.log(), ElementsAre(::testing::HasSubstr("reason=broken")));
    EXPECT_EQ(told, s.log());
}

// ---- memory_wire

class memory_wire_test : public ::testing::Test {
protected:
    template <class T>
    T run(task<T> work) {
        return testing::run_coroutine(context_, std::move(work));
    }

    void turns() {
        context_.restart();
        context_.poll();
    }

    io_context context_;
    testing::memory_wire wire_{context_};
    frame_stream near_ = wire_.open(end::server), far_ = wire_.open(end::client);
};

TEST_F(memory_wire_test, splits_what_is_read) {
    wire_.split(3);
    run(send(far_, "abcdefgh"));
    EXPECT_EQ(wire_.in_flight(end::server), 8U);
    EXPECT_EQ(run(some(near_)), "abc");
    EXPECT_EQ(run(some(near_)), "def");
    wire_.split(0);
    run(send(far_, "ij"));
    EXPECT_EQ(run(some(near_)), "ghij");
}

TEST_F(memory_wire_test, stalls_both_directions) {
    wire_.stall();
    run(send(far_, "there"));
    run(send(near_, "and back"));
    std::optional<std::string> got;
    asio::co_spawn(context_, some(near_), [&](std::exception_ptr, std::optional<std::string> text) {
        got = std::move(text);
    });
    turns();
    EXPECT_EQ(got, std::nullopt);
    EXPECT_EQ(wire_.in_flight(end::server), 5U);
    wire_.resume();
    testing::run_until(context_, [&] { return got.has_value(); });
    EXPECT_EQ(got, "there");
    EXPECT_EQ(run(some(far_)), "and back");
}

TEST_F(memory_wire_test, an_end_that_came_during_a_stall_is_told_after_it) {
    wire_.stall();
    bool told = false;
    asio::co_spawn(context_, gone(near_), [&](std::exception_ptr) { told = true; });
    far_.close();
    turns();
    EXPECT_FALSE(told);
    wire_.resume();
    testing::run_until(context_, [&] { return told; });
}

TEST_F(memory_wire_test, is_as_wide_as_it_is_made) {
    wire_.set_capacity(10);
    static_cast<void>(far_.write("0123456789abcdef"));
    turns();
    EXPECT_EQ(wire_.in_flight(end::server), 10U);
    EXPECT_EQ(far_.queued(), 6U);
    EXPECT_EQ(run(some(near_)), "0123456789");
    EXPECT_EQ(run(some(near_)), "abcdef");
    static_cast<void>(far_.write("0123456789abcdef"));
    turns();
    EXPECT_EQ(far_.queued(), 6U);
    wire_.set_capacity(100);  // what waits goes on
    turns();
    EXPECT_EQ(far_.queued(), 0U);
}

TEST_F(memory_wire_test, cut_resets_both_ends) {
    run(send(far_, "lost"));
    wire_.cut();
    for (frame_stream* s : {&near_, &far_}) {
        error_code error;
        try {
            run(some(*s));
        } catch (const system_error& e) {
            error = e.code();
        }
        EXPECT_EQ(error, reset_by_peer);
        run(gone(*s));
    }
}

TEST_F(memory_wire_test, one_end_may_have_nothing_more_to_send) {
    run(send(far_, "last"));
    wire_.finish(end::client);
    EXPECT_EQ(run(all_bytes(near_)), "last");
    run(send(near_, "reply"));
    near_.close();
    EXPECT_EQ(run(all_bytes(far_)), "reply");
}

TEST_F(memory_wire_test, ends_have_an_address) {
    EXPECT_EQ(near_.peer().to_string(), "memory");
    EXPECT_EQ(near_.local().to_string(), "memory");
}

TEST(open_socket_test, ends_have_an_address) {
    io_context context;
    const auto [here, there] = tcp_sockets();
    const frame_stream near = testing::open_socket(context, here);
    const frame_stream far = testing::open_socket(context, there);
    EXPECT_EQ(near.peer(), far.local());
    EXPECT_EQ(near.local(), far.peer());
    EXPECT_THAT(near.peer().to_string(), ::testing::StartsWith("127.0.0.1:"));
    const auto [local, other] = local_sockets();
    const frame_stream unix_near = testing::open_socket(context, local);
    const frame_stream unix_far = testing::open_socket(context, other);
    EXPECT_EQ(unix_near.peer().to_string(), "unix:pid=" + std::to_string(::getpid()));
}

}  // namespace
}  // namespace coserve
