#include "core.hpp"
#include "timer_queue.hpp"

#include <coserve/testing/manual_clock.hpp>
#include <coserve/testing/run_coroutine.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace coserve {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

class counted_timer final : public timer {
public:
    explicit counted_timer(timer_queue& q) : queue(q) {}

    counted_timer(timer_queue& q, std::function<void()> f) : queue(q), told(std::move(f)) {}

    ~counted_timer() { queue.forget(*this); }

    void on_timer() noexcept override {
        ++fired;
        if (told)
            told();
    }

    timer_queue& queue;
    std::function<void()> told;
    int fired = 0;
};

class timer_queue_test : public ::testing::Test {
protected:
    void advance(duration by) { clock_.advance(by); }

    io_context context_;
    timer_queue& queue_ = core::of(context_).timers();
    testing::manual_clock clock_{context_};
    const time_point start_ = queue_.now();
};

TEST_F(timer_queue_test, tells_each_at_its_deadline) {
    counted_timer one(queue_), two(queue_), three(queue_);
    queue_.arm(two, start_ + 2s);
    queue_.arm(one, start_ + 1s);
    queue_.arm(three, start_ + 3s);
    EXPECT_EQ(queue_.armed(), 3U);
    advance(1s - 1ns);
    EXPECT_EQ(one.fired, 0);
    advance(1ns);
    EXPECT_EQ(one.fired, 1);
    EXPECT_EQ(one.deadline(), timer::never);
    EXPECT_EQ(two.fired, 0);
    EXPECT_EQ(queue_.armed(), 2U);
    advance(10s);
    EXPECT_EQ(two.fired + three.fired, 2);
    EXPECT_EQ(queue_.armed(), 0U);
    advance(1h);
    EXPECT_EQ(one.fired + two.fired + three.fired, 3);
}

TEST_F(timer_queue_test, tells_them_in_order) {
    std::vector<int> order;
    std::vector<std::unique_ptr<counted_timer>> timers;
    for (const int second : {5, 1, 4, 2, 3}) {
        timers.push_back(std::make_unique<counted_timer>(queue_, [&order, second] {
            order.push_back(second);
        }));
        queue_.arm(*timers.back(), start_ + std::chrono::seconds(second));
    }
    advance(1h);
    EXPECT_THAT(order, ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(timer_queue_test, a_deadline_can_be_moved_and_taken_back) {
    counted_timer t(queue_);
    queue_.arm(t, start_ + 1s);
    queue_.arm(t, start_ + 3s);  // later
    EXPECT_EQ(queue_.armed(), 1U);
    advance(2s);
    EXPECT_EQ(t.fired, 0);
    queue_.arm(t, start_ + 2500ms);  // earlier
    advance(500ms);
    EXPECT_EQ(t.fired, 1);
    queue_.arm(t, start_ + 4s);
    queue_.disarm(t);
    queue_.disarm(t);
    advance(1h);
    EXPECT_EQ(t.fired, 1);
    queue_.arm(t, timer::never);
    EXPECT_EQ(queue_.armed(), 0U);
    queue_.arm(t, start_);  // in the past
    advance(0s);
    EXPECT_EQ(t.fired, 2);
}

TEST_F(timer_queue_test, a_timer_may_set_itself_again) {
    counted_timer t(queue_);
    t.told = [&] {
        if (t.fired < 5)
            queue_.arm(t, queue_.now() + 1s);
    };
    queue_.arm(t, start_ + 1s);
    for (int i = 1; i <= 5; ++i) {
        advance(1s);
        EXPECT_EQ(t.fired, i);
    }
    advance(1h);
    EXPECT_EQ(t.fired, 5);
}

TEST_F(timer_queue_test, tells_each_at_its_own_time) {
    std::vector<duration> times;
    counted_timer first(queue_), again(queue_), put_off(queue_);
    const auto note = [&] { times.push_back(queue_.now() - start_); };
    first.told = put_off.told = note;
    again.told = [&] {
        note();
        queue_.arm(again, queue_.now() + 2s);
    };
    queue_.arm(put_off, start_ + 1s);
    queue_.arm(put_off, start_ + 6s);
    queue_.arm(again, start_ + 2s);
    queue_.arm(first, start_ + 3s);
    advance(7s);
    EXPECT_THAT(times, ElementsAre(2s, 3s, 4s, 6s, 6s));
    EXPECT_EQ(queue_.now(), start_ + 7s);
    advance(1s);
    EXPECT_EQ(times.back(), 8s);
}

TEST_F(timer_queue_test, a_timer_may_destroy_another_that_is_due) {
    auto other = std::make_unique<counted_timer>(queue_);
    counted_timer t(queue_, [&] { other.reset(); });
    queue_.arm(t, start_ + 1s);
    queue_.arm(*other, start_ + 2s);
    advance(3s);
    EXPECT_EQ(t.fired, 1);
    EXPECT_EQ(queue_.armed(), 0U);
}

TEST_F(timer_queue_test, a_time_beyond_the_clock_is_never) {
    EXPECT_EQ(queue_.after(1s), start_ + 1s);
    EXPECT_EQ(queue_.after(-1s), start_ - 1s);
    EXPECT_EQ(queue_.after(duration::max()), timer::never);
    EXPECT_EQ(queue_.after(timer::never - start_ - 1ns), timer::never - 1ns);
    EXPECT_EQ(queue_.after(timer::never - start_), timer::never);
}

// Random operations, and beside them the simplest thing that could be right.
TEST_F(timer_queue_test, agrees_with_a_multimap) {
    for (std::uint32_t seed = 0; seed < 20; ++seed) {
        std::mt19937 random(seed);
        constexpr std::size_t count = 40;
        std::vector<std::size_t> told;
        std::vector<std::unique_ptr<counted_timer>> timers(count);
        std::multimap<time_point, std::size_t> due;
        const auto forget = [&](std::size_t i) {
            std::erase_if(due, [i](const auto& entry) { return entry.second == i; });
        };
        for (int step = 0; step < 2000; ++step) {
            const std::size_t i = random() % count;
            if (!timers[i])
                timers[i] =
                    std::make_unique<counted_timer>(queue_, [&told, i] { told.push_back(i); });
            switch (random() % 8) {
            case 0:
            case 1:
            case 2:
            case 3: {
                const time_point at = queue_.now() + std::chrono::microseconds(random() % 1000);
                forget(i);
                due.emplace(at, i);
                queue_.arm(*timers[i], at);
                break;
            }
            case 4:
                forget(i);
                queue_.disarm(*timers[i]);
                break;
            case 5:
                forget(i);
                timers[i].reset();
                break;
            default: {
                const duration by = std::chrono::microseconds(random() % 100);
                const time_point now = queue_.now() + by;
                std::vector<std::size_t> expected;
                const auto end = due.upper_bound(now);
                for (auto d = due.begin(); d != end; ++d)
                    expected.push_back(d->second);
                due.erase(due.begin(), end);
                told.clear();
                advance(by);
                std::ranges::sort(expected);
                std::ranges::sort(told);
                ASSERT_EQ(told, expected) << "seed " << seed << ", step " << step;
            }
            }
            ASSERT_EQ(queue_.armed(), due.size());
        }
    }
}

TEST_F(timer_queue_test, time_may_be_advanced_within_a_turn) {
    counted_timer t(queue_);
    queue_.arm(t, start_ + 1s);
    const core::turn turn(core::of(context_));
    advance(1s);
    EXPECT_EQ(t.fired, 1);
}

// ---- on the real clock

TEST(timer_queue_on_the_real_clock, tells_by_itself_and_lets_run_return) {
    io_context context;
    timer_queue& queue = core::of(context).timers();
    counted_timer first(queue), second(queue), taken_back(queue);
    const time_point begin = queue.now();
    queue.arm(second, begin + 20ms);
    queue.arm(first, begin + 10ms);
    queue.arm(taken_back, begin + 1h);
    queue.disarm(taken_back);
    context.run_for(20s);
    EXPECT_EQ(first.fired + second.fired, 2);
    EXPECT_EQ(taken_back.fired, 0);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
}

TEST(timer_queue_on_the_real_clock, tells_what_was_set_after_the_last_was_taken_back) {
    io_context context;
    timer_queue& queue = core::of(context).timers();
    counted_timer same(queue), other(queue);
    queue.arm(same, queue.now() + 10ms);
    queue.disarm(same);
    queue.arm(same, queue.now() + 20ms);  // its place in the queue is the old one
    context.run_for(20s);
    EXPECT_EQ(same.fired, 1);
    queue.arm(same, queue.now() + 1ms);
    queue.disarm(same);
    queue.arm(other, queue.now() + 10ms);  // behind one that is not set any more
    context.restart();
    context.run_for(20s);
    EXPECT_EQ(other.fired, 1);
    EXPECT_EQ(same.fired, 1);
}

TEST(timer_queue_on_the_real_clock, run_returns_when_the_last_is_taken_back) {
    io_context context;
    timer_queue& queue = core::of(context).timers();
    counted_timer late(queue), early(queue);
    early.told = [&] { queue.disarm(late); };
    queue.arm(late, queue.now() + 1h);
    queue.arm(early, queue.now() + 1ms);
    const auto begin = std::chrono::steady_clock::now();
    context.run_for(20s);
    EXPECT_TRUE(context.stopped());
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
}

TEST(timer_queue_on_the_real_clock, an_earlier_deadline_is_not_late) {
    io_context context;
    timer_queue& queue = core::of(context).timers();
    counted_timer late(queue), early(queue);
    queue.arm(late, queue.now() + 1h);
    context.poll();
    queue.arm(early, queue.now() + 1ms);
    testing::run_until(context, [&] { return early.fired == 1; });
    EXPECT_EQ(late.fired, 0);
}

TEST(timer_queue_on_the_real_clock, stops_when_a_test_takes_the_clock_over) {
    io_context context;
    timer_queue& queue = core::of(context).timers();
    counted_timer t(queue);
    queue.arm(t, queue.now() + 1ms);
    testing::manual_clock clock(context);
    context.run_for(20ms);
    EXPECT_EQ(t.fired, 0);
    clock.advance(1ms);
    EXPECT_EQ(t.fired, 1);
}

}  // namespace
}  // namespace coserve
