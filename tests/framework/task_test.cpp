#include <coserve/task.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using coserve::task;

// Runs a coroutine on a context of its own. A hang is a failure.
template <class T>
T run(asio::awaitable<T> coroutine, asio::io_context& context) {
    std::exception_ptr error;
    bool ended = false;
    if constexpr (std::is_void_v<T>) {
        asio::co_spawn(context, std::move(coroutine), [&](std::exception_ptr e) {
            error = e;
            ended = true;
        });
        context.run_for(5s);
    } else {
        std::optional<T> result;
        asio::co_spawn(context, std::move(coroutine), [&](std::exception_ptr e, T value) {
            error = e;
            result.emplace(std::move(value));
            ended = true;
        });
        context.run_for(5s);
        if (ended && !error)
            return std::move(*result);
    }
    if (!ended)
        throw std::runtime_error("the coroutine hangs");
    if (error)
        std::rethrow_exception(error);
    if constexpr (!std::is_void_v<T>)
        throw std::logic_error("no result");
}

template <class T>
T run(asio::awaitable<T> coroutine) {
    asio::io_context context;
    return run(std::move(coroutine), context);
}

// A ready operation: a number that is at hand, or comes with the next turn of the context.
class number {
public:
    using signature = void(std::exception_ptr, int);

    number(int value, bool at_hand) : value_(value), at_hand_(at_hand) {}

    bool ready() const {
        ++asked;
        return at_hand_;
    }

    int take() const {
        ++taken;
        if (value_ < 0)
            throw std::out_of_range("negative");
        return value_;
    }

    number&& wait() {
        if (value_ == 0)
            throw std::invalid_argument("zero");
        ++waited;
        return std::move(*this);
    }

    template <asio::completion_token_for<signature> Token>
    auto operator()(Token&& token) const {
        return asio::async_initiate<Token, signature>(
            [value = value_](auto handler) {
                const auto executor = asio::get_associated_executor(handler);
                asio::post(executor, [handler = std::move(handler), value]() mutable {
                    if (value < 0) {
                        const auto error = std::make_exception_ptr(std::out_of_range("negative"));
                        std::move(handler)(error, 0);
                    } else {
                        std::move(handler)(std::exception_ptr(), value);
                    }
                });
            },
            token
        );
    }

    static void reset() { asked = taken = waited = 0; }

    static inline int asked = 0, taken = 0, waited = 0;

private:
    int value_;
    bool at_hand_;
};

static_assert(coserve::ready_operation<number>);
static_assert(!coserve::ready_operation<task<int>>);
static_assert(!coserve::ready_operation<asio::awaitable<int>>);

task<int> get(int value, bool at_hand) {
    co_return co_await number(value, at_hand);
}

task<> nothing() {
    co_return;
}

task<> pause(std::chrono::milliseconds time) {
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(asio::use_awaitable);
}

task<int> after(std::chrono::milliseconds time, int value) {
    co_await pause(time);
    co_return value;
}

class task_test : public testing::Test {
protected:
    task_test() { number::reset(); }
};

TEST_F(task_test, takes_what_is_ready_without_waiting) {
    EXPECT_EQ(run(get(7, true)), 7);
    EXPECT_EQ(number::asked, 1);
    EXPECT_EQ(number::taken, 1);
    EXPECT_EQ(number::waited, 0);
}

TEST_F(task_test, waits_for_what_is_not) {
    EXPECT_EQ(run(get(7, false)), 7);
    EXPECT_EQ(number::asked, 1);
    EXPECT_EQ(number::taken, 0);
    EXPECT_EQ(number::waited, 1);
}

TEST_F(task_test, a_named_operation_can_be_awaited_again) {
    const auto twice = []() -> task<int> {
        number ready(3, true);
        number waiting(4, false);
        int sum = 0;
        for (int i = 0; i < 2; ++i) {
            sum += co_await ready;
            sum += co_await waiting;
        }
        co_return sum;
    };
    EXPECT_EQ(run(twice()), 14);
    EXPECT_EQ(number::asked, 4);
}

TEST_F(task_test, exceptions_come_out_of_each_part_of_an_operation) {
    EXPECT_THROW(run(get(-1, true)), std::out_of_range);      // take()
    EXPECT_THROW(run(get(-1, false)), std::out_of_range);     // the operation that wait() gave
    EXPECT_THROW(run(get(0, false)), std::invalid_argument);  // wait()
}

TEST_F(task_test, an_exception_can_be_caught_and_the_coroutine_go_on) {
    const auto three = []() -> task<int> {
        int sum = 0;
        for (const int value : {0, -1, 5}) {
            try {
                sum += co_await number(value, false);
            } catch (const std::logic_error&) {
                sum += 100;
            }
        }
        co_return sum;
    };
    EXPECT_EQ(run(three()), 205);
}

TEST_F(task_test, exceptions_pass_through_tasks) {
    const auto inner = []() -> task<int> { co_return co_await get(-1, false); };
    const auto outer = [&]() -> task<int> { co_return co_await inner(); };
    EXPECT_THROW(run(outer()), std::out_of_range);
}

TEST_F(task_test, returns_nothing_values_and_what_only_moves) {
    run(nothing());
    const auto make = []() -> task<std::unique_ptr<std::string>> {
        auto made = std::make_unique<std::string>("owned");
        co_await nothing();
        co_return made;
    };
    const auto pass = [&]() -> task<std::unique_ptr<std::string>> {
        auto made = co_await make();
        made->append(" once");
        co_return made;
    };
    EXPECT_EQ(*run(pass()), "owned once");
}

TEST_F(task_test, keeps_arguments_that_only_move) {
    const auto hold = [](std::unique_ptr<int> owned) -> task<int> {
        co_await pause(1ms);
        co_return *owned;
    };
    EXPECT_EQ(run(hold(std::make_unique<int>(9))), 9);
}

TEST_F(task_test, awaits_timers_and_tuples) {
    const auto wait = []() -> task<bool> {
        const auto begin = std::chrono::steady_clock::now();
        asio::steady_timer timer(co_await asio::this_coro::executor, 5ms);
        co_await timer.async_wait(asio::deferred);
        const auto late = std::chrono::steady_clock::now() - begin;
        timer.expires_after(1h);
        timer.cancel();  // nothing waits yet
        timer.expires_after(1ms);
        const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        co_return late >= 5ms && !error;
    };
    EXPECT_TRUE(run(wait()));
}

TEST_F(task_test, the_first_of_two_ends_the_other) {
    using namespace asio::experimental::awaitable_operators;
    const auto race = []() -> task<std::size_t> {
        const std::variant<int, std::monostate> first = co_await (after(1ms, 4) || pause(1h));
        const std::variant<std::monostate, int> second = co_await (pause(1h) || get(5, true));
        co_return 10 * first.index() + second.index();
    };
    EXPECT_EQ(run(race()), 1U);
}

TEST_F(task_test, both_of_two) {
    using namespace asio::experimental::awaitable_operators;
    const auto both = []() -> task<int> {
        const auto [first, second] = co_await (after(2ms, 4) && get(5, false));
        co_return 10 * first + second;
    };
    EXPECT_EQ(run(both()), 45);
    const auto failing = []() -> task<> { co_await (pause(1h) && get(-1, false)); };
    EXPECT_THROW(run(failing()), std::exception);
}

TEST_F(task_test, a_plain_awaitable_awaits_a_task) {
    const auto plain = []() -> asio::awaitable<int> {
        co_await nothing();
        const int sum = co_await get(3, true) + co_await get(4, false);
        co_await pause(1ms);
        co_return sum;
    };
    EXPECT_EQ(run(plain()), 7);
}

TEST_F(task_test, a_task_awaits_a_plain_awaitable) {
    const auto plain = [](int value) -> asio::awaitable<int> {
        if (value < 0)
            throw std::out_of_range("negative");
        co_return co_await get(value, false);
    };
    const auto mixed = [&]() -> task<int> {
        asio::awaitable<int> held = plain(30);
        const int first = co_await plain(1);
        const int second = co_await std::move(held);
        co_return first + second;
    };
    EXPECT_EQ(run(mixed()), 31);
    const auto failing = [&]() -> task<int> { co_return co_await plain(-1); };
    EXPECT_THROW(run(failing()), std::out_of_range);
}

TEST_F(task_test, one_that_is_never_awaited_never_runs_and_leaks_nothing) {
    bool ran = false;
    const auto note = [&](std::unique_ptr<int>) -> task<> {
        ran = true;
        co_return;
    };
    {
        const task<> unused = note(std::make_unique<int>(1));
        EXPECT_TRUE(unused.valid());
    }
    EXPECT_FALSE(ran);
}

[[gnu::noinline]] std::uintptr_t stack_pointer() {
    return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
}

TEST_F(task_test, ready_awaits_in_a_loop_do_not_grow_the_stack) {
    constexpr int rounds = 10'000;
    const auto child = [](int i) -> task<int> { co_return co_await number(i + 1, true); };
    const auto loop = [&]() -> task<std::uintptr_t> {
        std::uintptr_t lowest = stack_pointer(), highest = lowest;
        for (int i = 0; i < rounds; ++i) {
            co_await number(1, true);
            co_await child(i);
            lowest = std::min(lowest, stack_pointer());
            highest = std::max(highest, stack_pointer());
        }
        co_return highest - lowest;
    };
    EXPECT_LT(run(loop()), 4096U);
    EXPECT_EQ(number::waited, 0);
}

TEST_F(task_test, ten_thousand_tasks_deep) {
    struct chain {
        static task<int> deep(int n) {
            if (n == 0)
                co_return co_await number(1, false);
            const int below = co_await deep(n - 1);
            co_return below + co_await number(1, true);
        }
    };

    EXPECT_EQ(run(chain::deep(10'000)), 10'001);
}

// Starts a task that can be cancelled from outside, and tells how it ended.
struct spawned {
    spawned(asio::io_context& context, task<> body) {
        asio::co_spawn(
            context,
            std::move(body),
            asio::bind_cancellation_slot(
                signal.slot(),
                [this](std::exception_ptr e) {
                    ended = true;
                    error = e;
                }
            )
        );
    }

    void cancel() { signal.emit(asio::cancellation_type::terminal); }

    boost::system::error_code why() const {
        try {
            if (error)
                std::rethrow_exception(error);
        } catch (const boost::system::system_error& e) {
            return e.code();
        }
        return {};
    }

    asio::cancellation_signal signal;
    bool ended = false;
    std::exception_ptr error;
};

TEST_F(task_test, a_cancel_ends_what_it_waits_for) {
    asio::io_context context;
    spawned coroutine(context, pause(1h));
    context.poll();
    EXPECT_FALSE(coroutine.ended);
    coroutine.cancel();
    context.restart();
    context.run_for(5s);
    ASSERT_TRUE(coroutine.ended);
    EXPECT_EQ(coroutine.why(), asio::error::operation_aborted);
}

TEST_F(task_test, after_a_cancel_waiting_throws_and_what_is_ready_does_not) {
    asio::io_context context;
    std::vector<std::string> seen;
    const auto body = [&]() -> task<> {
        try {
            co_await pause(1h);
        } catch (const boost::system::system_error&) {
            seen.push_back("cancelled");
        }
        if (co_await number(1, true) == 1)
            seen.push_back("ready");
        try {
            co_await number(1, false);
        } catch (const boost::system::system_error&) {
            seen.push_back("waiting throws");
        }
        try {
            co_await nothing();
        } catch (const boost::system::system_error&) {
            seen.push_back("a task throws");
        }
        co_await asio::this_coro::reset_cancellation_state();
        co_await number(1, false);
        seen.push_back("reset");
    };
    spawned coroutine(context, body());
    context.poll();
    coroutine.cancel();
    context.restart();
    context.run_for(5s);
    EXPECT_TRUE(coroutine.ended);
    EXPECT_FALSE(coroutine.error);
    const std::vector<std::string> expected{
        "cancelled", "ready", "waiting throws", "a task throws", "reset"
    };
    EXPECT_EQ(seen, expected);
}

/// Pauses again and again, at most so often, whatever it is told.
task<> insist(std::shared_ptr<int> refusals, int most, std::function<void()> ended) {
    while (*refusals < most)
        try {
            co_await pause(1h);
        } catch (const boost::system::system_error&) {
            ++*refusals;
        }
    ended();
}

TEST_F(task_test, one_that_is_cancelled_and_never_yields_is_dropped) {
    asio::io_context context;
    const auto refusals = std::make_shared<int>();
    bool ended = false;
    spawned coroutine(context, insist(refusals, 10'000, [&] { ended = true; }));
    context.poll();
    coroutine.cancel();
    context.restart();
    context.poll();
    EXPECT_EQ(*refusals, 101);  // the pause that was cancelled, and a hundred more
    EXPECT_EQ(refusals.use_count(), 1) << "it was not destroyed";
    EXPECT_FALSE(ended);
    EXPECT_FALSE(coroutine.ended);
}

TEST_F(task_test, one_that_is_cancelled_and_soon_gives_up_is_not) {
    asio::io_context context;
    bool ended = false;
    for (int i = 0; i < 10; ++i) {
        spawned coroutine(context, insist(std::make_shared<int>(), 50, [&] { ended = true; }));
        context.restart();
        context.poll();
        coroutine.cancel();
        context.restart();
        context.poll();
        EXPECT_TRUE(std::exchange(ended, false));
        EXPECT_TRUE(coroutine.ended);
    }
}

// An operation that never completes.
struct endless {
    bool ready() const { return false; }

    void take() const {}

    bool never_completes() const { return true; }

    endless&& wait() { return std::move(*this); }

    template <asio::completion_token_for<void()> Token>
    auto operator()(Token&& token) const {
        return asio::post(std::forward<Token>(token));
    }
};

TEST_F(task_test, what_never_completes_drops_its_coroutine) {
    asio::io_context context;
    for (const bool cancelled : {false, true}) {
        auto kept = std::make_shared<int>();
        bool went_on = false;
        const auto body = [&](std::shared_ptr<int>) -> task<> {
            try {
                if (cancelled)
                    co_await pause(1h);
            } catch (const boost::system::system_error&) {
                went_on = false;
            }
            co_await endless();
            went_on = true;
        };
        spawned coroutine(context, body(kept));
        context.restart();
        context.poll();
        coroutine.cancel();
        context.restart();
        context.poll();
        EXPECT_EQ(kept.use_count(), 1);
        EXPECT_FALSE(went_on);
        EXPECT_FALSE(coroutine.ended);
    }
}

TEST_F(task_test, a_context_that_is_destroyed_destroys_what_waits_on_it) {
    auto kept = std::make_shared<int>();
    const auto body = [](std::shared_ptr<int>) -> task<> {
        co_await nothing();
        co_await pause(1h);
    };
    {
        asio::io_context context;
        asio::co_spawn(context, body(kept), [](std::exception_ptr) { FAIL(); });
        context.poll();
        EXPECT_EQ(kept.use_count(), 2);
    }
    EXPECT_EQ(kept.use_count(), 1);
}

}  // namespace
