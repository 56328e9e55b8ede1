#include "chat_losses.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace coserve_client {
namespace {

using namespace std::chrono_literals;

const coserve::chat_time start{1h};

TEST(chat_losses_test, they_are_told_when_their_time_is_up) {
    chat_losses losses;
    EXPECT_EQ(losses.due(), coserve::chat_time::max());
    losses.skipped(start, 1, "Ann", 2);
    losses.skipped(start + 1ms, 2, "Bob", 1);
    EXPECT_EQ(losses.due(), start + chat_losses::patience);
    EXPECT_TRUE(losses.take(start + chat_losses::patience - 1ns).empty());
    const auto first = losses.take(start + chat_losses::patience);
    ASSERT_EQ(first.size(), 1U);
    EXPECT_EQ(first[0].name, "Ann");
    EXPECT_EQ(first[0].count, 2U);
    EXPECT_EQ(losses.take(start + 1h).size(), 1U);
    EXPECT_EQ(losses.due(), coserve::chat_time::max());
}

TEST(chat_losses_test, what_comes_late_is_none) {
    chat_losses losses;
    losses.skipped(start, 1, "Ann", 2);
    losses.skipped(start, 2, "Bob", 1);
    losses.came_late(1);
    losses.came_late(2);
    losses.came_late(2);  // of something before that
    const auto lost = losses.take(start + 1h);
    ASSERT_EQ(lost.size(), 1U);
    EXPECT_EQ(lost[0].name, "Ann");
    EXPECT_EQ(lost[0].count, 1U);
}

}  // namespace
}  // namespace coserve_client
