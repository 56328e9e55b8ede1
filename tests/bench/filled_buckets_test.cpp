#include <results/filled_buckets.hpp>
#include <results/latency_histogram.hpp>

#include <gtest/gtest.h>

namespace coserve_bench {
namespace {

using coserve::duration;

filled_buckets of(std::initializer_list<filled_buckets::bucket> some) {
    filled_buckets all;
    for (const auto& b : some)
        all.append(b);
    return all;
}

TEST(filled_buckets_test, are_added_in_any_order) {
    const filled_buckets one = of({{1, 5}, {7, 1}, {900, 2}});
    const filled_buckets other = of({{0, 1}, {7, 3}, {8, 1}, {901, 4}});
    const filled_buckets sum = of({{0, 1}, {1, 5}, {7, 4}, {8, 1}, {900, 2}, {901, 4}});
    for (auto [a, b] : {std::pair(one, other), std::pair(other, one)}) {
        a += b;
        EXPECT_EQ(a, sum);
    }
    filled_buckets none;
    none += one;
    EXPECT_EQ(none, one);
    none += filled_buckets();
    EXPECT_EQ(none, one);
}

TEST(filled_buckets_test, have_the_quantiles_of_the_whole) {
    latency_histogram whole;
    for (int i = 1; i <= 10'000; ++i)
        whole.add(duration(i * 1000));
    const filled_buckets some = whole.filled();
    EXPECT_EQ(some.count(), 10'000U);
    for (const double q : {0.01, 0.5, 0.9, 0.99, 0.999})
        EXPECT_EQ(some.quantile(q), whole.quantile(q)) << q;
    EXPECT_EQ(filled_buckets().quantile(0.5), duration());
}

TEST(filled_buckets_test, make_the_whole_again) {
    latency_histogram whole;
    for (int i = 1; i <= 1000; ++i)
        whole.add(duration(i * i));
    EXPECT_EQ(
        latency_histogram::of(whole.filled(), whole.least(), whole.most(), whole.sum_ns()), whole
    );
    EXPECT_EQ(latency_histogram::of({}, {}, {}, 0), latency_histogram());
}

}  // namespace
}  // namespace coserve_bench
