#include <coserve/sleep.hpp>
#include <coserve/testing/manual_clock.hpp>
#include <coserve/testing/run_coroutine.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace coserve {
namespace {

using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;
using ::testing::ElementsAre;

task<> note_after(duration time, std::vector<int>& log, int what) {
    co_await sleep(time);
    log.push_back(what);
}

class sleep_test : public ::testing::Test {
protected:
    void start(task<> work) { asio::co_spawn(context_, std::move(work), asio::detached); }

    void turns() {
        context_.restart();
        context_.poll();
    }

    void pass(duration time) {
        clock_.advance(time);
        turns();
    }

    io_context context_;
    testing::manual_clock clock_{context_};
    std::vector<int> log_;
};

TEST_F(sleep_test, wakes_in_order) {
    for (const int second : {3, 1, 5, 2, 4})
        start(note_after(std::chrono::seconds(second), log_, second));
    turns();
    pass(1s - 1ns);
    EXPECT_THAT(log_, ElementsAre());
    pass(1ns);
    EXPECT_THAT(log_, ElementsAre(1));
    pass(1s);
    pass(2s);
    EXPECT_THAT(log_, ElementsAre(1, 2, 3, 4));
    pass(1h);
    EXPECT_THAT(log_, ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(sleep_test, those_that_are_due_together_wake_in_order) {
    for (const int second : {3, 1, 5, 2, 4})
        start(note_after(std::chrono::seconds(second), log_, second));
    turns();
    pass(1h);
    EXPECT_THAT(log_, ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(sleep_test, no_time_is_one_turn) {
    start(note_after(0s, log_, 0));
    start(note_after(-1s, log_, -1));
    turns();
    pass(0s);
    EXPECT_EQ(log_.size(), 2U);
}

TEST_F(sleep_test, for_ever_is_for_ever) {
    start(note_after(duration::max(), log_, 0));
    turns();
    pass(24h * 365 * 100);
    EXPECT_THAT(log_, ElementsAre());
}

TEST_F(sleep_test, tells_the_time_of_its_clock) {
    const time_point begin = now(context_.get_executor());
    clock_.advance(5s);
    EXPECT_EQ(now(context_.get_executor()) - begin, 5s);
}

TEST_F(sleep_test, can_be_cancelled) {
    asio::cancellation_signal cancel;
    std::exception_ptr error;
    asio::co_spawn(
        context_,
        sleep(1h),
        asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr e) { error = e; })
    );
    start(note_after(1h, log_, 1));
    turns();
    cancel.emit(asio::cancellation_type::terminal);
    turns();
    ASSERT_TRUE(error);
    try {
        std::rethrow_exception(error);
    } catch (const system_error& e) {
        EXPECT_EQ(e.code(), asio::error::operation_aborted);
    }
    pass(1h);
    EXPECT_THAT(log_, ElementsAre(1));
}

TEST_F(sleep_test, the_first_of_two_ends_the_other) {
    const auto race = [](std::vector<int>& log) -> task<> {
        const auto first = co_await (sleep(2s) || sleep(1s));
        log.push_back(static_cast<int>(first.index()));
        asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
        const auto second = co_await (sleep(1s) || timer.async_wait(asio::use_awaitable));
        log.push_back(static_cast<int>(second.index()));
        co_await (sleep(1s) && sleep(3s));
        log.push_back(2);
    };
    start(race(log_));
    turns();
    pass(1s);
    EXPECT_THAT(log_, ElementsAre(1));
    pass(1s);
    EXPECT_THAT(log_, ElementsAre(1, 0));
    pass(2s);
    EXPECT_EQ(log_.size(), 2U);
    pass(1s);
    EXPECT_THAT(log_, ElementsAre(1, 0, 2));
}

TEST_F(sleep_test, runs_out_on_the_real_clock) {
    io_context context;
    const auto begin = std::chrono::steady_clock::now();
    testing::run_coroutine(context, sleep(5ms));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 5ms);
    testing::run_coroutine(context, sleep(0s));
}

TEST_F(sleep_test, the_context_may_end_meanwhile) {
    struct witness {
        explicit witness(int& count) : destroyed(count) {}

        witness(const witness&) = delete;
        witness& operator=(const witness&) = delete;

        ~witness() { ++destroyed; }

        int& destroyed;
    };

    int destroyed = 0;
    {
        io_context context;
        const auto hold = [](int& count) -> task<> {
            const witness here(count);
            co_await sleep(1h);
        };
        for (int i = 0; i < 10; ++i)
            asio::co_spawn(context, hold(destroyed), asio::detached);
        context.poll();
        EXPECT_EQ(destroyed, 0);
    }
    EXPECT_EQ(destroyed, 10);
}

TEST_F(sleep_test, wants_an_executor_of_a_context) {
    error_code error;
    const auto attempt = [](error_code& e) -> task<> {
        try {
            co_await sleep(1s);
        } catch (const system_error& thrown) {
            e = thrown.code();
        }
    };
    asio::co_spawn(asio::make_strand(context_), attempt(error), asio::detached);
    turns();
    EXPECT_EQ(error, errc::wrong_executor);
}

}  // namespace
}  // namespace coserve
