#include <results/latency_histogram.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace coserve_bench {
namespace {

using coserve::duration;

TEST(log_linear_axis_test, has_a_bucket_for_every_value) {
    const log_linear_axis axis;
    int last = -1;
    for (std::uint64_t v = 0; v < 100'000; ++v) {
        const int i = axis.index(v);
        ASSERT_TRUE(i == last || i == last + 1) << v;
        last = i;
    }
    for (int shift = 8; shift < 46; ++shift) {
        const std::uint64_t power = std::uint64_t{1} << shift;
        EXPECT_EQ(axis.index(power), axis.index(power - 1) + 1) << power;
    }
    EXPECT_EQ(axis.index(~std::uint64_t{0}), axis.size() - 1);
    EXPECT_EQ(axis.index(std::uint64_t{1} << 46), axis.size() - 1);
}

TEST(log_linear_axis_test, gives_the_value_back_within_half_a_bucket) {
    const log_linear_axis axis;
    for (double v = 1; v < 7e13; v *= 1.01) {
        const auto exact = static_cast<std::uint64_t>(v);
        const auto back = static_cast<double>(axis.value(axis.index(exact)));
        EXPECT_NEAR(back / static_cast<double>(exact), 1, 1.0 / 256) << exact;
    }
    for (std::uint64_t v = 0; v < 256; ++v)
        EXPECT_EQ(axis.value(axis.index(v)), v);
}

TEST(latency_histogram_test, is_0_without_samples) {
    const latency_histogram none;
    EXPECT_EQ(none.count(), 0U);
    EXPECT_EQ(none.least(), duration());
    EXPECT_EQ(none.most(), duration());
    EXPECT_EQ(none.mean(), duration());
    EXPECT_EQ(none.quantile(0.99), duration());
}

TEST(latency_histogram_test, has_the_quantiles_of_a_sorted_list) {
    std::mt19937 random(7);
    std::lognormal_distribution<double> latency(12, 1.5);
    std::vector<std::int64_t> all;
    latency_histogram h;
    double sum = 0;
    for (int i = 0; i < 100'000; ++i) {
        all.push_back(static_cast<std::int64_t>(latency(random)));
        h.add(duration(all.back()));
        sum += static_cast<double>(all.back());
    }
    std::ranges::sort(all);
    for (const double q : {0.0001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999}) {
        const auto exact =
            static_cast<double>(all[static_cast<std::size_t>(std::ceil(q * 1e5)) - 1]);
        EXPECT_NEAR(static_cast<double>(h.quantile(q).count()) / exact, 1, 0.005) << q;
    }
    EXPECT_EQ(h.least().count(), all.front());
    EXPECT_EQ(h.most().count(), all.back());
    EXPECT_EQ(h.quantile(1), h.most());
    EXPECT_NEAR(static_cast<double>(h.mean().count()), sum / 1e5, 1);
}

TEST(latency_histogram_test, takes_a_negative_time_for_none) {
    latency_histogram h;
    h.add(duration(-5));
    EXPECT_EQ(h.count(), 1U);
    EXPECT_EQ(h.most(), duration());
}

TEST(latency_histogram_test, merged_is_that_of_all_samples) {
    latency_histogram one, other, both;
    for (int i = 1; i <= 1000; ++i) {
        const duration d(i * i);
        (i % 3 == 0 ? one : other).add(d);
        both.add(d);
    }
    one += other;
    EXPECT_EQ(one.count(), both.count());
    EXPECT_EQ(one.least(), both.least());
    EXPECT_EQ(one.most(), both.most());
    EXPECT_EQ(one.mean(), both.mean());
    for (int i = 0; i <= 100; ++i)
        EXPECT_EQ(one.quantile(i / 100.0), both.quantile(i / 100.0)) << i;
}

}  // namespace
}  // namespace coserve_bench
