#include <loads/due_requests.hpp>

#include <gtest/gtest.h>

#include <deque>

namespace coserve_bench {
namespace {

using namespace std::chrono_literals;

struct user {
    std::deque<clock::time_point> waiting;
};

clock::time_point at(int ms) {
    return clock::time_point(std::chrono::milliseconds(ms));
}

class due_requests_test : public testing::Test {
protected:
    user a_, b_;
    due_requests<user> due_;
};

TEST_F(due_requests_test, are_for_each_in_turn) {
    due_.join(a_);
    due_.join(b_);
    EXPECT_EQ(due_.add(at(1)), &a_);
    EXPECT_EQ(due_.add(at(2)), &b_);
    EXPECT_EQ(due_.add(at(3)), &a_);
    EXPECT_EQ(due_.take(b_), at(2));
    EXPECT_EQ(due_.take(b_), std::nullopt) << "the others wait for another";
    EXPECT_EQ(due_.take(a_), at(1));
    EXPECT_EQ(due_.count(), 1U);
}

TEST_F(due_requests_test, are_for_any_once_theirs_is_gone) {
    due_.join(a_);
    due_.join(b_);
    due_.add(at(1));
    due_.add(at(2));
    due_.leave(a_);
    EXPECT_TRUE(due_.orphaned());
    EXPECT_EQ(due_.take(b_), at(2)) << "its own first";
    EXPECT_EQ(due_.take(b_), at(1));
    EXPECT_FALSE(due_.orphaned());
    EXPECT_EQ(due_.add(at(3)), &b_);
}

TEST_F(due_requests_test, are_for_the_first_that_comes_where_nobody_is) {
    EXPECT_EQ(due_.add(at(1)), nullptr);
    due_.join(a_);
    EXPECT_EQ(due_.take(a_), at(1));
    EXPECT_EQ(due_.count(), 0U);
}

TEST_F(due_requests_test, count_as_unsent_what_is_given_up_since_the_beginning) {
    schedule times;
    times.begin = at(2);
    recorder record(times);
    due_.add(at(1));
    due_.join(a_);
    due_.add(at(2));
    due_.add(at(3));
    due_.give_up(times, record);
    EXPECT_EQ(due_.count(), 0U);
    EXPECT_EQ(due_.take(a_), std::nullopt);
    EXPECT_EQ(record.finish().unsent, 2U);
}

}  // namespace
}  // namespace coserve_bench
