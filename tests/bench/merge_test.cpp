#include "sample_run.hpp"

#include <coserve/error.hpp>

#include <results/merge.hpp>
#include <results/run_json.hpp>
#include <results/sweep.hpp>

#include <boost/json/serialize.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coserve_bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(merge_test, adds_up_what_several_machines_did) {
    const run_result a = sample_run(), b = sample_run({.seconds = 12, .slower = 3, .seed = 2});
    const run_result all = merged({a, b});
    EXPECT_EQ(all.counts.completed, a.counts.completed + b.counts.completed);
    EXPECT_EQ(all.counts.errors.at("reset"), 2U);
    EXPECT_EQ(all.elapsed, b.elapsed);
    EXPECT_EQ(all.plan.at("connections").as_int64(), 128);
    EXPECT_EQ(all.plan.at("rate").as_double(), 2000);
    EXPECT_EQ(all.plan.at("depth").as_int64(), 1);
    EXPECT_EQ(all.plan.at("duration_s").as_string(), "10, 12");
    EXPECT_EQ(
        all.counts.series.at(3).replies, a.counts.series[3].replies + b.counts.series[3].replies
    );
    EXPECT_GT(all.counts.intended.quantile(0.99), a.counts.intended.quantile(0.99));
    EXPECT_EQ(all.server_cpu, *a.server_cpu + *b.server_cpu);
}

TEST(merge_test, halves_make_the_whole_through_json) {
    using namespace std::chrono_literals;
    schedule times;
    times.begin = clock::now();
    recorder one(times, recorder::loop::open), other(times, recorder::loop::open),
        both(times, recorder::loop::open);
    std::mt19937 random(9);
    std::lognormal_distribution<double> latency(12, 1.5);
    for (int i = 0; i < 200'000; ++i) {
        const auto now = times.begin + i * 20us;
        const auto sent = now - coserve::duration(static_cast<std::int64_t>(latency(random)));
        const auto due = sent - 3us;
        for (recorder* r : {i % 2 == 0 ? &one : &other, &both}) {
            r->served(now);
            r->completed(due, sent, now, 1);
        }
    }
    const auto through_json = [](recorder& r) {
        run_result run;
        run.counts = r.finish();
        run.plan = {{"load", "echo"}};
        run.elapsed = 4s;
        return parse_run(boost::json::serialize(run_json(run)), "run.json");
    };
    const run_result whole = through_json(both);
    const run_result all = merged({through_json(one), through_json(other)});
    const boost::json::object expected = run_json(whole);
    for (const auto& [key, value] : run_json(all))
        EXPECT_TRUE(value == expected.at(key)) << key;
}

TEST(merge_test, refuses_what_is_no_part_of_one) {
    run_result other = sample_run();
    other.plan["load"] = "exec";
    EXPECT_THROW(merged({sample_run(), other}), coserve::configuration_error);
    EXPECT_THROW(merged({sample_run(), sample_run({.rate = 0})}), coserve::configuration_error);
}

TEST(merge_test, takes_plans_that_no_program_wrote) {
    run_result a = sample_run({.seconds = 1}), b = a;
    a.plan["connections"] = std::int64_t{9'223'372'036'854'775'807};
    b.plan["connections"] = std::int64_t{9'223'372'036'854'775'807};
    a.plan["threads"] = "many";
    b.plan["threads"] = 3;
    const run_result all = merged({a, b});
    EXPECT_TRUE(all.plan.at("connections").is_double());
    EXPECT_EQ(all.plan.at("threads").as_string(), "many, 3");
}

std::vector<double> rates(sweep_rates all, double limit) {
    std::vector<double> tried;
    while (const auto rate = all.next()) {
        tried.push_back(*rate);
        all.tell(*rate > limit);
    }
    return tried;
}

TEST(sweep_rates_test, grow_and_then_close_in) {
    EXPECT_THAT(rates({1000, 1e6, 2, 0}, 3500), ElementsAre(1000, 2000, 4000));
    EXPECT_THAT(rates({1000, 1e6, 2, 3}, 3500), ElementsAre(1000, 2000, 4000, 3000, 3500, 3750));
    EXPECT_THAT(rates({1000, 3000, 2, 3}, 1e9), ElementsAre(1000, 2000, 3000));
    EXPECT_THAT(rates({1000, 3000, 2, 3}, 10), ElementsAre(1000));
}

TEST(sweep_test, concludes) {
    sweep_result s{assertion::parse("p99>100ms"), {}};
    EXPECT_EQ(s.conclusion(), "nothing was tried");
    const auto add = [&](double rate, double came) {
        run_result r = sample_run({.rate = rate, .seconds = 1});
        r.counts.in_time = static_cast<std::uint64_t>(came);
        s.steps.push_back(r);
    };
    add(2000, 1000);
    EXPECT_THAT(s.conclusion(), HasSubstr("already 2,000/s are too many"));
    add(1000, 999);
    EXPECT_THAT(s.conclusion(), HasSubstr("the limit is near 1,000/s"));
    EXPECT_THAT(s.conclusion(), HasSubstr("only 1,000/s came back"));
    EXPECT_EQ(s.best()->rate(), 999);
}

}  // namespace
}  // namespace coserve_bench
