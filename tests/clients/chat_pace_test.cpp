#include "chat_pace.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace coserve_client {
namespace {

using namespace std::chrono_literals;
using coserve::chat_time;

const chat_time start{1h};

/// Sends one as soon as it may be.
chat_time send_next(chat_pace& pace, chat_time now, std::size_t size = 10) {
    chat_time ready = pace.ready(now);
    while (ready > now) {
        now = ready;
        ready = pace.ready(now);
    }
    pace.sent(now, size);
    return now;
}

/// A pace that knows that the server sends everything back.
chat_pace echoing() {
    chat_pace pace;
    pace.sent(start - 1h, 1);
    pace.returned(1);
    return pace;
}

TEST(chat_pace_test, never_more_in_a_second_than_a_server_takes) {
    chat_pace pace = echoing();
    std::vector<chat_time> sent;
    chat_time now = start;
    for (int i = 0; i < 1000; ++i) {
        now = send_next(pace, now);
        pace.returned(1);
        sent.push_back(now);
    }
    for (std::size_t i = 200; i < sent.size(); ++i)
        EXPECT_GE(sent[i] - sent[i - 200], 500ms) << i;
    EXPECT_LT(now - start, 5s);
    // 200 at once and 200 a second, a heartbeat among them now and then.
    chat_time spent = start;
    for (const chat_time at : sent) {
        spent = std::max(spent, at) + 5ms;
        EXPECT_LT(spent - at, 900ms);
    }
}

TEST(chat_pace_test, the_second_waits_for_the_first_to_come_back) {
    chat_pace pace;
    pace.sent(start, 10);
    EXPECT_EQ(pace.ready(start), start + chat_pace::patience);
    pace.returned(1);
    EXPECT_LE(pace.ready(start), start);
    EXPECT_TRUE(pace.echoes());
    EXPECT_EQ(pace.missing(), 0U);
}

TEST(chat_pace_test, where_nothing_comes_back_nothing_is_waited_for_or_missed) {
    chat_pace pace;
    pace.sent(start, 10);
    const chat_time later = start + chat_pace::patience;
    EXPECT_LE(pace.ready(later), later);
    for (int i = 0; i < 50; ++i)
        pace.sent(later, 10);
    EXPECT_LE(pace.ready(later), later);
    EXPECT_LE(pace.settled(), later);
    EXPECT_EQ(pace.missing(), 0U);
    EXPECT_FALSE(pace.echoes());
}

TEST(chat_pace_test, what_comes_back_after_the_first_was_lost_shows_what_is_missing) {
    chat_pace pace;
    pace.sent(start, 10);
    const chat_time later = start + chat_pace::patience;
    EXPECT_LE(pace.ready(later), later);
    for (int i = 0; i < 3; ++i)
        pace.sent(later, 10);
    EXPECT_EQ(pace.forget(), 0U);
    pace.sent(later, 10);
    pace.sent(later, 10);
    pace.sent(later + 1ms, 10);
    pace.returned(2);
    EXPECT_TRUE(pace.echoes());
    EXPECT_EQ(pace.missing(), 1U);
    EXPECT_EQ(pace.settled(), later + 1ms + chat_pace::patience);
    pace.returned(1);
    EXPECT_EQ(pace.missing(), 0U);
}

TEST(chat_pace_test, only_so_many_are_on_their_way) {
    chat_pace pace = echoing();
    for (std::size_t i = 0; i < chat_pace::window; ++i)
        EXPECT_EQ(send_next(pace, start), start);
    EXPECT_EQ(pace.ready(start), start + chat_pace::patience);
    pace.returned(1);
    EXPECT_LE(pace.ready(start), start);
    EXPECT_EQ(pace.missing(), chat_pace::window - 1);
    EXPECT_EQ(pace.settled(), start + chat_pace::patience);
}

TEST(chat_pace_test, those_that_do_not_come_back_are_missed_and_hold_nothing_up) {
    chat_pace pace = echoing();
    for (std::size_t i = 0; i < chat_pace::window; ++i)
        send_next(pace, start);
    const chat_time later = start + chat_pace::patience;
    EXPECT_LE(pace.ready(later), later);
    EXPECT_EQ(pace.missing(), chat_pace::window);
    pace.returned(2);  // late
    EXPECT_EQ(pace.missing(), chat_pace::window - 2);
    EXPECT_EQ(pace.forget(), chat_pace::window - 2);
    EXPECT_EQ(pace.missing(), 0U);
}

TEST(chat_pace_test, what_contact_was_lost_after_is_perhaps_lost) {
    chat_pace pace;
    pace.sent(start, 10);
    EXPECT_EQ(pace.forget(), 1U);
    EXPECT_EQ(pace.forget(), 0U);
}

TEST(chat_pace_test, long_ones_count_for_several) {
    chat_pace pace = echoing();
    chat_time now = start;
    for (int i = 0; i < 14; ++i) {
        now = send_next(pace, now, 65'000);
        pace.returned(1);
    }
    EXPECT_GT(now - start, 1s);
}

TEST(chat_pace_test, slower) {
    chat_pace pace = echoing();
    for (int i = 0; i < 100; ++i)
        pace.slow_down();
    chat_time now = start;
    for (int i = 0; i < 11; ++i) {
        now = send_next(pace, now);
        pace.returned(1);
    }
    EXPECT_GT(now - start, 8s);
    EXPECT_LT(now - start, 11s);
}

}  // namespace
}  // namespace coserve_client
