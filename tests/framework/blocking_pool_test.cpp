#include <coserve/blocking_pool.hpp>
#include <coserve/sleep.hpp>
#include <coserve/testing/run_coroutine.hpp>

#include "blocking_threads.hpp"
#include "core.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <thread>

namespace coserve {
namespace {

using namespace std::chrono_literals;

// A temporary with captures would be freed twice by g++ 12, so it does not compile.
template <class F>
concept can_be_run = requires(F&& work) { run_blocking(std::forward<F>(work)); };

constexpr auto nothing = [] {};
static_assert(can_be_run<decltype(nothing)&>);
static_assert(!can_be_run<decltype(nothing)>);

class blocking_pool_test : public ::testing::Test {
protected:
    template <class T>
    T run(task<T> work) {
        return testing::run_coroutine(context_, std::move(work));
    }

    io_context context_;
};

TEST_F(blocking_pool_test, gives_what_the_work_returns) {
    const auto ask = []() -> task<std::string> {
        const auto caller = std::this_thread::get_id();
        auto work = [caller] {
            return caller == std::this_thread::get_id() ? std::string("here")
                                                        : std::string("elsewhere");
        };
        std::string answer = co_await run_blocking(work);
        EXPECT_EQ(caller, std::this_thread::get_id());
        co_return answer;
    };
    EXPECT_EQ(run(ask()), "elsewhere");
}

TEST_F(blocking_pool_test, gives_what_can_only_be_moved) {
    const auto ask = []() -> task<int> {
        auto work = [] { return std::make_unique<int>(7); };
        const auto answer = co_await run_blocking(work);
        co_return *answer;
    };
    EXPECT_EQ(run(ask()), 7);
}

TEST_F(blocking_pool_test, work_may_return_nothing) {
    const auto ask = []() -> task<bool> {
        std::atomic<bool> done = false;
        auto work = [&done] { done = true; };
        co_await run_blocking(work);
        co_return done;
    };
    EXPECT_TRUE(run(ask()));
}

TEST_F(blocking_pool_test, throws_what_the_work_throws) {
    const auto ask = [](bool with_result) -> task<> {
        if (with_result) {
            auto work = []() -> int { throw std::out_of_range("far"); };
            co_await run_blocking(work);
        } else {
            auto work = [] { throw std::out_of_range("far"); };
            co_await run_blocking(work);
        }
    };
    EXPECT_THROW(run(ask(true)), std::out_of_range);
    EXPECT_THROW(run(ask(false)), std::out_of_range);
}

TEST_F(blocking_pool_test, the_core_goes_on_meanwhile) {
    std::promise<void> gate;
    int turns = 0;
    const auto block = [](std::shared_future<void> opened) -> task<> {
        auto work = [&opened] { opened.wait(); };
        co_await run_blocking(work);
    };
    const auto tick = [](int& count, std::promise<void>& open) -> task<> {
        while (++count < 10)
            co_await sleep(100us);
        open.set_value();
    };
    asio::co_spawn(context_, tick(turns, gate), asio::detached);
    run(block(gate.get_future().share()));
    EXPECT_EQ(turns, 10);
}

TEST_F(blocking_pool_test, many_at_once_all_end) {
    int ended = 0;
    const auto add = [](int value, int& count) -> task<> {
        auto work = [value] { return 2 * value; };
        EXPECT_EQ(co_await run_blocking(work), 2 * value);
        ++count;
    };
    for (int i = 0; i < 100; ++i)
        asio::co_spawn(context_, add(i, ended), asio::detached);
    testing::run_until(context_, [&] { return ended == 100; });
}

TEST_F(blocking_pool_test, cores_may_share_their_threads) {
    core::of(context_).set_blocking(std::make_shared<blocking_threads>(2));
    std::atomic<int> inside = 0;
    const auto meet = [](std::atomic<int>& count) -> task<> {
        auto work = [&count] {
            ++count;
            const auto end = std::chrono::steady_clock::now() + 20s;
            while (count < 2 && std::chrono::steady_clock::now() < end)
                std::this_thread::yield();
        };
        co_await run_blocking(work);
    };
    int ended = 0;
    for (int i = 0; i < 2; ++i)
        asio::co_spawn(context_, meet(inside), [&](std::exception_ptr) { ++ended; });
    testing::run_until(context_, [&] { return ended == 2; });
    EXPECT_EQ(inside, 2);
}

/// No thread can be started while it lives: none has so large a stack.
class no_more_threads {
public:
    no_more_threads() {
        ::pthread_getattr_default_np(&before_);
        pthread_attr_t huge;
        ::pthread_getattr_default_np(&huge);
        ::pthread_attr_setstacksize(&huge, std::size_t{1} << 60);
        if (::pthread_setattr_default_np(&huge) != 0)
            throw std::runtime_error("the default stack size cannot be set");
        ::pthread_attr_destroy(&huge);
    }

    no_more_threads(const no_more_threads&) = delete;
    no_more_threads& operator=(const no_more_threads&) = delete;

    ~no_more_threads() {
        ::pthread_setattr_default_np(&before_);
        ::pthread_attr_destroy(&before_);
    }

private:
    pthread_attr_t before_;
};

TEST_F(blocking_pool_test, throws_where_no_thread_can_be_started) {
    const auto ask = []() -> task<int> {
        auto work = [] { return 7; };
        const int answer = co_await run_blocking(work);
        co_return answer;
    };
    {
        const no_more_threads none;
        EXPECT_THROW(run(ask()), system_error);
        EXPECT_THROW(run(ask()), system_error);
    }
    EXPECT_EQ(run(ask()), 7);
}

TEST_F(blocking_pool_test, a_context_may_end_where_no_thread_could_be_started) {
    auto context = std::make_unique<io_context>();
    const auto ask = []() -> task<> {
        auto work = [] {};
        co_await run_blocking(work);
    };
    const no_more_threads none;
    asio::co_spawn(*context, ask(), asio::detached);
    context->poll_one();
    context.reset();
}

TEST_F(blocking_pool_test, cancellation_waits_for_the_work) {
    std::promise<void> gate;
    std::atomic<bool> done = false;
    const auto block = [](std::shared_future<void> opened, std::atomic<bool>& ended) -> task<> {
        auto work = [&] {
            opened.wait();
            ended = true;
        };
        co_await run_blocking(work);
    };
    asio::cancellation_signal cancel;
    bool told = false;
    asio::co_spawn(
        context_,
        block(gate.get_future().share(), done),
        asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr) { told = true; })
    );
    context_.poll();
    cancel.emit(asio::cancellation_type::terminal);
    context_.poll();
    EXPECT_FALSE(told);
    gate.set_value();
    testing::run_until(context_, [&] { return told; });
    EXPECT_TRUE(done);
}

TEST_F(blocking_pool_test, a_context_that_ends_waits_for_the_work) {
    for (const int jobs : {1, 5}) {
        std::atomic<int> ended = 0;
        std::promise<void> gate;
        const std::shared_future<void> opened = gate.get_future().share();
        auto context = std::make_unique<io_context>();
        const auto block = [](std::shared_future<void> open, std::atomic<int>& count) -> task<> {
            const std::string on_the_frame(1000, 'x');
            auto work = [&] {
                open.wait();
                if (on_the_frame == std::string(1000, 'x'))
                    ++count;
            };
            co_await run_blocking(work);
        };
        for (int i = 0; i < jobs; ++i)
            asio::co_spawn(*context, block(opened, ended), asio::detached);
        context->poll();
        std::thread opener([&gate] {
            std::this_thread::sleep_for(5ms
            );  // so that the context is likely to wait; it is right either way
            gate.set_value();
        });
        context.reset();
        EXPECT_EQ(ended, jobs);
        opener.join();
    }
}

TEST_F(blocking_pool_test, a_context_may_end_when_the_work_has_and_nobody_was_told) {
    std::atomic<bool> done = false;
    auto context = std::make_unique<io_context>();
    const auto block = [](std::atomic<bool>& ended) -> task<> {
        auto work = [&] { ended = true; };
        co_await run_blocking(work);
    };
    asio::co_spawn(*context, block(done), asio::detached);
    context->poll_one();
    while (!done)
        std::this_thread::yield();
    context.reset();
}

}  // namespace
}  // namespace coserve
