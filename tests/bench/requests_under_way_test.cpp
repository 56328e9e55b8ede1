#include <loads/requests_under_way.hpp>

#include <gtest/gtest.h>

#include <iterator>

namespace coserve_bench {
namespace {

clock::time_point at(int ms) {
    return clock::time_point(std::chrono::milliseconds(ms));
}

TEST(requests_under_way_test, those_sent_together_are_one) {
    requests_under_way r(8);
    r.add({at(1), at(2), 64, 1});
    r.add({at(1), at(2), 64, 2});
    r.add({at(1), at(3), 64, 1});
    r.add({at(2), at(3), 64, 1});
    r.add({at(2), at(3), 65, 1});
    EXPECT_EQ(std::distance(r.begin(), r.end()), 4);
    EXPECT_EQ(r.oldest().count, 3U);
    EXPECT_EQ(r.count(), 6U);
    EXPECT_EQ(r.next(), 6U);
}

TEST(requests_under_way_test, are_taken_in_their_order) {
    requests_under_way r(4);
    r.add({at(1), at(1), 64, 3});
    r.add({at(2), at(2), 64, 1});
    r.take(2);
    EXPECT_EQ(r.first(), 2U);
    EXPECT_EQ(r.oldest().count, 1U);
    r.take(1);
    EXPECT_EQ(r.oldest().sent, at(2));
    r.take(1);
    EXPECT_TRUE(r.empty());
    EXPECT_EQ(r.count(), 0U);
}

TEST(requests_under_way_test, numbers_go_on_after_all_were_lost) {
    requests_under_way r(4);
    r.add({at(1), at(1), 64, 4});
    r.take(1);
    r.clear();
    EXPECT_TRUE(r.empty());
    EXPECT_EQ(r.count(), 0U);
    EXPECT_EQ(r.next(), 4U);
    EXPECT_EQ(r.first(), 4U);
}

}  // namespace
}  // namespace coserve_bench
