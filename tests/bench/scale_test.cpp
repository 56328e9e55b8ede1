#include <html/scale.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace coserve_bench {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::Pointwise;

constexpr auto linear = scale::kind::linear, logarithmic = scale::kind::logarithmic,
               quantiles = scale::kind::quantiles;

TEST(scale_test, has_round_ticks_from_end_to_end) {
    EXPECT_THAT(scale(linear, 0, 10).ticks(), ElementsAre(0, 2, 4, 6, 8, 10));
    EXPECT_THAT(scale(linear, 0, 4700).ticks(), ElementsAre(0, 1000, 2000, 3000, 4000, 5000));
    EXPECT_THAT(scale(linear, 3, 3).ticks(), ElementsAre(3, 4, 5, 6));
    EXPECT_THAT(scale(linear, 0, 0).ticks().size(), 6U);
    EXPECT_THAT(
        scale(logarithmic, 0.0011, 0.09).ticks(),
        Pointwise(testing::DoubleNear(1e-9), {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1})
    );
    EXPECT_EQ(scale(logarithmic, 1e-6, 1).ticks().size(), 7U);
    EXPECT_THAT(scale(quantiles, 0, 0.9995).ticks(), ElementsAre(0, 0.5, 0.9, 0.99, 0.999));
}

TEST(scale_test, puts_values_between_the_ends) {
    const scale s(linear, 0, 10);
    EXPECT_DOUBLE_EQ(s.position(0), 0);
    EXPECT_DOUBLE_EQ(s.position(5), 0.5);
    EXPECT_DOUBLE_EQ(s.position(10), 1);
    EXPECT_DOUBLE_EQ(s.position(11), 1);
    const scale l(logarithmic, 1, 100);
    EXPECT_DOUBLE_EQ(l.position(10), 0.5);
    EXPECT_DOUBLE_EQ(l.position(0), 0);
    const scale p(quantiles, 0, 0.9999);
    EXPECT_NEAR(p.position(0.9), 0.25, 1e-9);
    EXPECT_NEAR(p.position(0.99), 0.5, 1e-9);
    EXPECT_NEAR(p.position(1), 1, 1e-9);
}

TEST(scale_test, takes_any_bounds) {
    std::mt19937_64 random(3);
    const double strange[] = {
        0,
        -1,
        1e300,
        -1e300,
        std::nan(""),
        std::numeric_limits<double>::infinity(),
        1e-300,
        1e-12,
        1e12,
        999.9999999
    };
    const auto any = [&] {
        if (random() % 2 == 0)
            return strange[random() % std::size(strange)];
        return std::ldexp(
            static_cast<double>(random() % 1000), static_cast<int>(random() % 80) - 40
        );
    };
    for (int i = 0; i < 20'000; ++i) {
        const double a = any(), b = any(), v = any();
        for (const auto kind : {linear, logarithmic, quantiles}) {
            const scale s(kind, a, b);
            ASSERT_GE(s.ticks().size(), 1U) << a << " " << b;
            ASSERT_LE(s.ticks().size(), 60U) << a << " " << b;
            const double at = s.position(v);
            ASSERT_TRUE((at >= 0 && at <= 1) || std::isnan(v)) << a << " " << b << " " << v;
        }
    }
}

}  // namespace
}  // namespace coserve_bench
