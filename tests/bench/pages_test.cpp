#include "sample_run.hpp"

#include <html/comparison_page.hpp>
#include <html/markup.hpp>
#include <html/run_page.hpp>
#include <html/sweep_page.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace coserve_bench {
namespace {

/// A matcher would print all of a page that fails.
bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

std::string page_of(const run_result& r) {
    return run_page({{"run.json", r}});
}

TEST(markup_test, escapes_what_has_a_meaning) {
    EXPECT_EQ(escaped("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
    EXPECT_EQ(escaped("\x1b\xff\n"), "\\x1b\\xff\\x0a");
    EXPECT_EQ(
        element("p", {{"title", "\"><script>"}}, "text"),
        "<p title=\"&quot;&gt;&lt;script&gt;\">text</p>"
    );
}

TEST(markup_test, writes_coordinates_without_digits_that_nobody_sees) {
    EXPECT_EQ(coordinate(1), "1");
    EXPECT_EQ(coordinate(1.239), "1.24");
    EXPECT_EQ(coordinate(-0.001), "0");
    EXPECT_EQ(coordinate(100), "100");
}

TEST(run_page_test, says_what_is_where) {
    const std::string text = page_of(sample_run({.stalls_at = 4}));
    for (const char* label :
         {"Throughput over time",
          "Latency over time",
          "Latency by percentile",
          "Histogram of latencies",
          "replies/s",
          "time since the end of the warm-up, s",
          "requests that were no slower",
          "share of requests",
          ">99.9 %<",
          ">1ms<",
          "p99 intended",
          "p99 service",
          "The server&#39;s processor time"})
        EXPECT_TRUE(has(text, label)) << label;
    EXPECT_FALSE(has(text, "http"));
    EXPECT_FALSE(has(text, "<script"));
    EXPECT_FALSE(has(text, "nan"));
    EXPECT_FALSE(has(text, "inf,"));
}

TEST(run_page_test, in_a_closed_loop_there_is_one_latency) {
    const std::string text = page_of(sample_run({.rate = 0}));
    EXPECT_FALSE(has(text, "p99 intended"));
    EXPECT_TRUE(has(text, "from sending"));
}

TEST(run_page_test, shows_several_over_each_other) {
    const run_result one = sample_run(), other = sample_run({.slower = 2});
    const std::string text = run_page({{"one.json", one}, {"other.json", other}});
    EXPECT_TRUE(has(text, "<h1>2 runs</h1>"));
    EXPECT_TRUE(has(text, ">other.json</h1>"));
}

TEST(run_page_test, takes_a_run_of_nothing) {
    EXPECT_TRUE(has(page_of({}), "run.json"));
    run_result short_one = sample_run({.seconds = 1});
    short_one.elapsed = {};
    EXPECT_TRUE(has(page_of(short_one), "Throughput"));
}

TEST(run_page_test, shows_hostile_text_as_text) {
    run_result r = sample_run();
    const std::string bad = "</style></title><script>alert('1')</script>";
    r.plan["url"] = bad;
    r.plan["load"] = bad;
    r.plan[bad] = bad;
    r.counts.errors = {{bad, 1}};
    r.counts.first_error = bad;
    r.limits = {bad};
    r.plan["depth"] = bad;
    const run_result other = sample_run();
    for (const std::string& text :
         {page_of(r),
          run_page({{bad, r}}),
          run_page({{bad, r}, {bad, r}}),
          sweep_page({assertion::parse("p99>1s"), {r}}),
          comparison_page({{r, r, r}, {r, r, other}}, compare({r, r, r}, {r, r, other}))}) {
        EXPECT_FALSE(has(text, "<script"));
        EXPECT_FALSE(has(text, "alert('"));
        EXPECT_TRUE(has(text, "&lt;script&gt;"));
    }
}

TEST(sweep_page_test, draws_the_knee) {
    sweep_result s{assertion::parse("p99>5ms"), {}};
    for (const double rate : {500.0, 900.0, 1000.0, 1100.0}) {
        s.steps.push_back(sample_run({.rate = rate, .seconds = 1, .slower = rate > 950 ? 20.0 : 1.0}
        ));
        s.steps.back().counts.in_time = static_cast<std::uint64_t>(rate);
    }
    const std::string text = sweep_page(s);
    for (const char* label :
         {"Latency over throughput",
          "replies/s",
          "p99&gt;5ms",
          "the limit",
          "The limit is near 900/s",
          "too many",
          "Asked and answered"})
        EXPECT_TRUE(has(text, label)) << label;
}

}  // namespace
}  // namespace coserve_bench
