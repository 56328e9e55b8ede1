#include <loads/send_times.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

namespace coserve_bench {
namespace {

using namespace std::chrono_literals;

std::vector<coserve::duration> first(send_times times, std::size_t count) {
    std::vector<coserve::duration> result;
    for (std::size_t i = 0; i < count; ++i)
        result.push_back(times.next());
    return result;
}

TEST(send_times_test, are_even) {
    const auto times = first(send_times(1000, 0s, 0, 1), 3);
    EXPECT_EQ(times, (std::vector<coserve::duration>{0ms, 1ms, 2ms}));
}

TEST(send_times_test, threads_take_turns) {
    std::vector<coserve::duration> all;
    for (std::size_t thread = 0; thread < 3; ++thread)
        for (const auto t : first(send_times(10, 2s, thread, 3), 20))
            all.push_back(t);
    std::ranges::sort(all);
    EXPECT_EQ(all, first(send_times(10, 2s, 0, 1), 60));
}

TEST(send_times_test, do_not_drift) {
    send_times times(300'000, 0s, 0, 1);
    coserve::duration last{};
    for (int i = 0; i <= 3'000'000; ++i)
        last = times.next();
    EXPECT_NEAR(static_cast<double>(last.count()), 10e9, 2);
}

TEST(send_times_test, grow_over_the_ramp) {
    send_times times(1000, 4s, 0, 1);
    std::vector<int> of_second(6);
    for (coserve::duration t = times.next(); t < 6s; t = times.next())
        ++of_second[static_cast<std::size_t>(t / 1s)];
    const std::vector<int> right{125, 375, 625, 875, 1000, 1000};
    for (std::size_t i = 0; i < right.size(); ++i)
        EXPECT_NEAR(of_second[i], right[i], 1) << i;
}

TEST(send_times_test, never_go_back) {
    send_times times(777, 1s, 1, 2);
    coserve::duration last = times.next();
    for (int i = 0; i < 10'000; ++i) {
        const coserve::duration t = times.next();
        ASSERT_GE(t, last);
        last = t;
    }
}

TEST(send_times_test, a_request_in_a_thousand_seconds) {
    EXPECT_EQ(first(send_times(0.001, 0s, 0, 1), 2).back(), 1000s);
}

}  // namespace
}  // namespace coserve_bench
