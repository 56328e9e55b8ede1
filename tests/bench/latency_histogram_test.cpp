#include <results/latency_histogram.hpp>
#include <results/percentiles.hpp>

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

/// Of a million samples, drawn by `draw`, beside the exact ones.
template <class Draw>
void check_percentiles(Draw draw) {
    constexpr std::size_t samples = 1'000'000;
    std::vector<std::int64_t> all;
    latency_histogram h;
    double sum = 0;
    for (std::size_t i = 0; i < samples; ++i) {
        all.push_back(static_cast<std::int64_t>(std::max(draw(), 0.0)));
        h.add(duration(all.back()));
        sum += static_cast<double>(all.back());
    }
    std::ranges::sort(all);
    const auto check = [&](double q) {
        const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(samples)));
        const auto exact = static_cast<double>(all[rank - 1]);
        EXPECT_NEAR(static_cast<double>(h.quantile(q).count()), exact, 0.01 * exact) << q;
    };
    check(0.0001);
    check(0.1);
    for (const percentile& p : percentiles)
        check(p.fraction);
    EXPECT_EQ(h.least().count(), all.front());
    EXPECT_EQ(h.most().count(), all.back());
    EXPECT_EQ(h.quantile(1), h.most());
    EXPECT_NEAR(static_cast<double>(h.mean().count()), sum / samples, 1);
}

TEST(latency_histogram_test, has_the_quantiles_of_a_sorted_list) {
    std::mt19937 random(7);
    std::lognormal_distribution<double> usual(12, 1.5);
    check_percentiles([&] { return usual(random); });
    std::uniform_real_distribution<double> even(1, 1e6);
    check_percentiles([&] { return even(random); });
    std::exponential_distribution<double> waiting(1e-5);
    check_percentiles([&] { return waiting(random); });
    std::cauchy_distribution<double> wild(1e6, 1e4);
    check_percentiles([&] { return std::min(wild(random), 6e13); });
    check_percentiles([&] { return random() % 100 == 0 ? 1e9 : 5e4; });  // a stall
    check_percentiles([] { return 42.0; });
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
