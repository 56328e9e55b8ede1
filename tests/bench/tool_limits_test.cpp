#include <tool_limits.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace coserve_bench {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

latency_histogram slips(coserve::duration most, int late, int all) {
    latency_histogram h;
    for (int i = 0; i < all; ++i)
        h.add(i < late ? most : 10us);
    return h;
}

TEST(tool_limits_test, none_where_there_is_room) {
    EXPECT_THAT(tool_limits({0.8, 0.05}, {}), IsEmpty());
    EXPECT_THAT(tool_limits({0.3, 0.9}, slips(5ms, 5, 1000)), testing::SizeIs(1));
    EXPECT_THAT(tool_limits({0.3, 0.1}, slips(5ms, 5, 1000)), IsEmpty());
}

TEST(tool_limits_test, a_thread_that_never_rests) {
    EXPECT_THAT(tool_limits({0.97, 0.02}, {}), ElementsAre(HasSubstr("97 %")));
}

TEST(tool_limits_test, a_thread_that_has_no_processor) {
    EXPECT_THAT(tool_limits({0.55, 0.4}, {}), ElementsAre(HasSubstr("waited 40 %")));
}

TEST(tool_limits_test, sends_that_come_late) {
    EXPECT_THAT(tool_limits({}, slips(5ms, 50, 1000)), ElementsAre(HasSubstr("5.0 ms")));
}

}  // namespace
}  // namespace coserve_bench
