#include "sample_run.hpp"

#include <coserve/error.hpp>

#include <results/assertion.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coserve_bench {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string complaint(const std::string& text) {
    try {
        assertion::parse(text);
    } catch (const coserve::configuration_error& e) {
        return e.what();
    }
    return "";
}

TEST(assertion_test, holds_or_does_not) {
    const run_result r = sample_run();
    for (const char* text :
         {"p50<2ms",
          "p50 > 0.1ms",
          "p99.999<1s",
          "max>=1ms",
          "mean<=5ms",
          "min>1us",
          "rate>990",
          "rate<=1000/s",
          "errors=3",
          "errors<0.1%",
          "errors<4"})
        EXPECT_TRUE(assertion::parse(text).holds(r)) << text;
    for (const char* text :
         {"p50<10us",
          "p99>1",
          "max<=1ms",
          "mean<1us",
          "rate>1001",
          "errors=0",
          "errors<0.001%",
          "p99==1ms"})
        EXPECT_FALSE(assertion::parse(text).holds(r)) << text;
}

TEST(assertion_test, says_what_was) {
    const run_result r = sample_run();
    EXPECT_THAT(assertion::parse("p99 < 1us").failure(r), StartsWith("p99<1us: p99 was 3."));
    EXPECT_EQ(assertion::parse("errors=0").failure(r), "errors=0: errors were 3");
    EXPECT_EQ(assertion::parse("rate>5000").failure(r).substr(0, 22), "rate>5000: rate was 99");
}

TEST(assertion_test, counts_from_the_intended_time) {
    const run_result r = sample_run({.stalls_at = 4});
    EXPECT_FALSE(assertion::parse("p99<850ms").holds(r));
    EXPECT_TRUE(assertion::parse("p99<850ms").holds(sample_run({.rate = 0, .stalls_at = 4})));
}

TEST(assertion_test, does_not_hold_where_no_reply_came) {
    EXPECT_FALSE(assertion::parse("p99<1s").holds({}));
    EXPECT_THAT(assertion::parse("p99<1s").failure({}), HasSubstr("no reply came"));
    EXPECT_TRUE(assertion::parse("errors<1%").holds({}));
}

TEST(assertion_test, refuses_what_it_does_not_understand) {
    for (const char* text :
         {"",         "p99",   "p<5ms",      "p0<5ms",   "p100<5ms", "q99<5ms",  "<5ms",
          "p99<",     "p99<5", "p99!5ms",    "p99<<5ms", "p99=<5ms", "p99<5xs",  "p99<-5ms",
          "rate>5ms", "rate>", "errors<1%%", "p99<nan",  "rate>nan", "p-99<5ms", "pnan<1s"}) {
        if (std::string(text) == "p99<5")
            EXPECT_EQ(complaint(text), "") << "a bare number is seconds";
        else
            EXPECT_THAT(complaint(text), HasSubstr("as in p99<5ms")) << text;
    }
}

}  // namespace
}  // namespace coserve_bench
