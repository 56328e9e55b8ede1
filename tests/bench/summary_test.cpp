#include "sample_run.hpp"

#include <results/summary.hpp>
#include <results/text.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coserve_bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

TEST(summary_test, has_both_latencies_side_by_side_and_says_which_is_which) {
    const std::string text = summary(sample_run({.stalls_at = 4}));
    EXPECT_THAT(text, HasSubstr("latency       intended     service\n"));
    EXPECT_THAT(text, HasSubstr("intended: from the time a request was due"));
    EXPECT_THAT(text, HasSubstr("64 connections, depth 1, 64 bytes, 1000 requests/s\n"));
    EXPECT_THAT(summary(sample_run({.rate = 0})), Not(HasSubstr("intended")));
}

TEST(summary_test, says_plainly_that_a_rate_was_not_held) {
    run_result r = sample_run();
    EXPECT_THAT(warnings(r), ElementsAre());
    r.counts.in_time -= 60;
    r.counts.unsent = 50;
    EXPECT_THAT(
        warnings(r), ElementsAre(HasSubstr("the rate was not held: 994 replies/s of 1000"))
    );
    r.limits = {"this program was the limit"};
    EXPECT_EQ(warnings(r).size(), 2U);
    EXPECT_THAT(summary(r), HasSubstr("warning   this program was the limit\nwarning   the rate"));
}

TEST(summary_test, says_what_its_bytes_are) {
    run_result r = sample_run();
    EXPECT_THAT(summary(r), HasSubstr("/s, 0.1 MiB/s of replies\n"));
    r.plan["load"] = "upload";
    EXPECT_THAT(summary(r), HasSubstr("/s, 0.1 MiB/s uploaded\n"));
    r.plan["load"] = "exec";
    EXPECT_THAT(summary(r), HasSubstr("/s, 0.1 MiB/s of output\n"));
    r.plan["load"] = "chat";
    EXPECT_THAT(summary(r), HasSubstr("/s, 0.1 MiB/s of messages\n"));
    r.counts.bytes = 0;
    EXPECT_THAT(summary(r), Not(HasSubstr("MiB/s")));
}

TEST(summary_test, says_what_failed) {
    run_result r = sample_run();
    EXPECT_EQ(
        failures(r),
        "tcp://127.0.0.1:7700: 1 of 64 connections failed (reset 1): Connection reset by peer"
    );
    r.counts.failed_connections = 0;
    r.counts.errors.clear();
    r.counts.first_error.clear();
    EXPECT_EQ(failures(r), "tcp://127.0.0.1:7700: 2 requests failed (reset 2)");
    r.counts.failed = 0;
    EXPECT_EQ(failures(r), "");
}

TEST(text_test, has_three_digits) {
    EXPECT_EQ(readable(0ns), "0");
    EXPECT_EQ(readable(4us), "4.00us");
    EXPECT_EQ(readable(999'600ns), "1.00ms");
    EXPECT_EQ(readable(18'340us), "18.3ms");
    EXPECT_EQ(readable(1204s), "1204s");
    EXPECT_EQ(readable(0.0), "0.00");
    EXPECT_EQ(readable(1234.0), "1.23k");
    EXPECT_EQ(readable(-2.5e6), "-2.50M");
    EXPECT_EQ(grouped(1'234'567), "1,234,567");
    EXPECT_EQ(counted(1, "run"), "1 run");
}

}  // namespace
}  // namespace coserve_bench
