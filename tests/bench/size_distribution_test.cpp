#include <size_distribution.hpp>

#include <coserve/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace coserve_bench {
namespace {

using testing::HasSubstr;

constexpr int many = 100'000;

double mean_of(const size_distribution& d) {
    random_numbers r(1);
    double sum = 0;
    for (int i = 0; i < many; ++i)
        sum += static_cast<double>(d.draw(r));
    return sum / many;
}

std::string complaint(std::string_view text) {
    try {
        size_distribution::parse(text);
    } catch (const coserve::configuration_error& e) {
        return e.what();
    }
    return "none";
}

TEST(size_distribution_test, one_size) {
    const auto d = size_distribution::parse("16KiB");
    EXPECT_TRUE(d.fixed());
    EXPECT_EQ(d.least(), 16384);
    EXPECT_EQ(d.most(), 16384);
    EXPECT_EQ(d.text(), "16KiB");
    random_numbers r(1);
    EXPECT_EQ(d.draw(r), 16384);
}

TEST(size_distribution_test, an_even_range_with_both_of_its_ends) {
    const auto d = size_distribution::parse("3..6");
    EXPECT_EQ(d.mean(), 4.5);
    random_numbers r(7);
    std::map<std::size_t, int> seen;
    for (int i = 0; i < many; ++i)
        ++seen[d.draw(r)];
    ASSERT_EQ(seen.size(), 4);
    for (const auto& [size, count] : seen) {
        EXPECT_TRUE(size >= 3 && size <= 6) << size;
        EXPECT_NEAR(count, many / 4, many / 50);
    }
}

TEST(size_distribution_test, around_a_mean) {
    const auto d = size_distribution::parse("exp:512");
    EXPECT_EQ(d.least(), 1);
    EXPECT_EQ(d.most(), 8192);
    EXPECT_EQ(d.mean(), 512);
    EXPECT_NEAR(mean_of(d), 512, 10);
    random_numbers r(3);
    int below = 0;
    for (int i = 0; i < many; ++i) {
        const std::size_t size = d.draw(r);
        ASSERT_TRUE(size >= 1 && size <= 8192) << size;
        below += size <= 355;  // 512 * ln 2
    }
    EXPECT_NEAR(below, many / 2, many / 50);
}

TEST(size_distribution_test, a_mixture) {
    for (const char* text : {"64:90%,16KiB:10%", "64:9,16384:1", "64:0.9,16KiB:.1"}) {
        const auto d = size_distribution::parse(text);
        EXPECT_EQ(d.least(), 64);
        EXPECT_EQ(d.most(), 16384);
        EXPECT_NEAR(d.mean(), 1696, 0.001);
        EXPECT_NEAR(mean_of(d), 1696, 60) << text;
    }
    const auto mixed = size_distribution::parse("1..9:50%,exp:100:25%,1000");
    EXPECT_EQ(mixed.least(), 1);
    EXPECT_EQ(mixed.most(), 1600);
}

TEST(size_distribution_test, equal_weights_where_none_is_written) {
    const auto d = size_distribution::parse("1,2,4");
    random_numbers r(5);
    std::map<std::size_t, int> seen;
    for (int i = 0; i < many; ++i)
        ++seen[d.draw(r)];
    for (const std::size_t size : {1, 2, 4})
        EXPECT_NEAR(seen[size], many / 3, many / 50);
}

TEST(size_distribution_test, the_same_seed_gives_the_same_sizes) {
    const auto d = size_distribution::parse("0..1GiB");
    random_numbers a(42), b(42), c(43);
    int differ = 0;
    for (int i = 0; i < 100; ++i) {
        const std::size_t size = d.draw(a);
        EXPECT_EQ(size, d.draw(b));
        differ += size != d.draw(c);
    }
    EXPECT_GT(differ, 90);
}

TEST(size_distribution_test, mistakes_are_named) {
    EXPECT_THAT(complaint(""), HasSubstr("must be a size"));
    EXPECT_THAT(complaint("64,"), HasSubstr("must be a size"));
    EXPECT_THAT(complaint("some"), HasSubstr("some: must be a size"));
    EXPECT_THAT(complaint("2GiB"), HasSubstr("2GiB: must be a size from 0 to 1GiB"));
    EXPECT_THAT(complaint("9..3"), HasSubstr("the smaller size stands first"));
    EXPECT_THAT(complaint("9.."), HasSubstr("must be a size"));
    EXPECT_THAT(complaint("exp:0"), HasSubstr("at least 1"));
    EXPECT_THAT(complaint("exp:"), HasSubstr("must be a size"));
    EXPECT_THAT(complaint("64:0"), HasSubstr("must say how often"));
    EXPECT_THAT(complaint("64:-1"), HasSubstr("must say how often"));
    EXPECT_THAT(complaint("64:nan"), HasSubstr("must say how often"));
    EXPECT_THAT(complaint("64:inf"), HasSubstr("must say how often"));
    EXPECT_THAT(complaint("64:90%%"), HasSubstr("must say how often"));
}

}  // namespace
}  // namespace coserve_bench
