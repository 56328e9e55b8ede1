#include "sample_run.hpp"

#include <coserve/error.hpp>

#include <results/comparison.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace coserve_bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Runs that differ by chance, and by a factor from others.
std::vector<run_result> runs(int count, double slower, unsigned seed) {
    std::vector<run_result> all;
    std::mt19937 random(seed);
    std::normal_distribution<double> noise(0, 0.03);
    for (int i = 0; i < count; ++i)
        all.push_back(sample_run(
            {.seconds = 1,
             .slower = slower * std::exp(noise(random)),
             .seed = seed + static_cast<unsigned>(i)}
        ));
    return all;
}

compared::verdict verdict_of(const std::vector<compared>& all, const std::string& name) {
    for (const compared& c : all)
        if (c.name == name)
            return c.is;
    ADD_FAILURE() << "no " << name;
    return {};
}

TEST(student_test, is_the_interval_that_tables_have) {
    const interval i = interval_of({-1, 0, 1});
    EXPECT_NEAR(i.high, 4.303 / std::sqrt(3.0), 1e-3);
    EXPECT_NEAR(i.low, -i.high, 1e-9);
    const interval ratio = interval_of({50, 100, 200});
    EXPECT_NEAR(ratio.low * ratio.high, 100 * 100, 1e-6);
}

TEST(student_test, holds_the_mean_as_often_as_it_says) {
    std::mt19937 random(5);
    std::normal_distribution<double> value(100, 1);
    int held = 0;
    constexpr int all = 4000;
    for (int i = 0; i < all; ++i) {
        const interval found =
            interval_of({value(random), value(random), value(random), value(random)});
        held += found.low <= 100 && found.high >= 100;
    }
    EXPECT_NEAR(static_cast<double>(held) / all, 0.95, 0.015);
}

TEST(student_test, has_a_median) {
    EXPECT_EQ(median({3, 1, 2}), 2);
    EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
    EXPECT_EQ(median({}), 0);
}

TEST(comparison_test, tells_a_difference) {
    const auto all = compare(runs(4, 1, 1), runs(4, 1.5, 100));
    EXPECT_EQ(verdict_of(all, "p50 intended"), compared::verdict::worse);
    EXPECT_EQ(verdict_of(all, "p99 intended"), compared::verdict::worse);
    EXPECT_EQ(verdict_of(all, "rate"), compared::verdict::within_noise);
    EXPECT_EQ(
        verdict_of(compare(runs(4, 1.5, 1), runs(4, 1, 100)), "p50 intended"),
        compared::verdict::better
    );
}

TEST(comparison_test, takes_noise_for_noise) {
    int said = 0;
    for (unsigned seed = 0; seed < 20; ++seed)
        for (const compared& c : compare(runs(3, 1, seed * 10), runs(3, 1, 1000 + seed * 10)))
            said += c.is != compared::verdict::within_noise;
    EXPECT_LE(said, 10) << "of about 200";
}

TEST(comparison_test, takes_what_a_histogram_cannot_tell_for_noise) {
    std::vector<run_result> a, b;
    for (int i = 0; i < 3; ++i) {
        a.push_back(sample_run({.seconds = 1}));
        b.push_back(sample_run({.seconds = 1, .slower = 1.002}));
    }
    EXPECT_EQ(verdict_of(compare(a, b), "p50 intended"), compared::verdict::within_noise);
}

TEST(comparison_test, says_sides) {
    const auto all = compare(runs(3, 1, 1), runs(3, 3, 9));
    EXPECT_THAT(
        all[1].side(false), testing::MatchesRegex("1\\.[0-9]+ms \\[[0-9.]+[mu]s\\.\\.[0-9.]+ms\\]")
    );
    EXPECT_THAT(all[1].change(), testing::StartsWith("+"));
    EXPECT_EQ(all[1].verdict_text(), "worse");
}

TEST(comparison_test, refuses_what_cannot_be_compared) {
    const auto complaint = [](const auto& a, const auto& b) -> std::string {
        try {
            compare(a, b);
        } catch (const coserve::configuration_error& e) {
            return e.what();
        }
        return "";
    };
    EXPECT_THAT(complaint(runs(2, 1, 1), runs(3, 1, 1)), HasSubstr("side A has 2 runs"));
    EXPECT_THAT(complaint(runs(3, 1, 1), runs(1, 1, 1)), HasSubstr("side B has 1 run:"));
    auto closed = runs(3, 1, 1);
    closed[2] = sample_run({.rate = 0, .seconds = 1});
    EXPECT_THAT(complaint(runs(3, 1, 1), closed), HasSubstr("open loops"));
    closed[2] = {};
    EXPECT_THAT(complaint(closed, runs(3, 1, 1)), HasSubstr("no replies"));
}

TEST(comparison_test, says_how_plans_differ) {
    auto all = runs(3, 1, 1);
    EXPECT_THAT(differences_of_plans(all), ElementsAre());
    all[0].plan["depth"] = 16;
    all[2].plan["more"] = "x";
    EXPECT_THAT(differences_of_plans(all), ElementsAre("depth: 16, 1", "more: none, x"));
}

}  // namespace
}  // namespace coserve_bench
