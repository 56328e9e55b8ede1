#include "sample_run.hpp"

#include <coserve/error.hpp>

#include <results/run_csv.hpp>
#include <results/run_json.hpp>

#include <boost/json/serialize.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <random>
#include <string>

namespace coserve_bench {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string text_of(const run_result& r) {
    return boost::json::serialize(run_json(r));
}

std::string complaint(const std::string& text) {
    try {
        parse_run(text, "run.json");
    } catch (const coserve::configuration_error& e) {
        return e.what();
    }
    return "";
}

/// The sample run's text with one thing in another's place.
std::string with(const std::string& from, const std::string& to) {
    std::string text = text_of(sample_run());
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
}

TEST(run_json_test, has_what_its_schema_says) {
    const run_result r = sample_run({.stalls_at = 4});
    const boost::json::object o = run_json(r);
    EXPECT_EQ(o.at("requests").at("completed").to_number<std::uint64_t>(), r.counts.completed);
    for (const char* kind : {"intended", "service"})
        for (const char* name : {"min", "mean", "p50", "p90", "p99", "p99.9", "max"})
            EXPECT_GT(o.at("latency_us").at(kind).at(name).to_number<double>(), 0) << name;
    EXPECT_GT(
        o.at("latency_us").at("intended").at("p99").to_number<double>(),
        o.at("latency_us").at("service").at("p99").to_number<double>()
    );
    EXPECT_EQ(o.at("errors").at("reset").to_number<int>(), 1);
    EXPECT_EQ(o.at("series").as_array().size(), r.counts.series.size());
    EXPECT_EQ(o.at("plan").at("load").as_string(), "echo");
}

TEST(run_json_test, in_a_closed_loop_both_latencies_are_the_same) {
    const boost::json::object o = run_json(sample_run({.rate = 0}));
    EXPECT_EQ(o.at("latency_us").at("intended"), o.at("latency_us").at("service"));
    EXPECT_FALSE(o.at("histograms").as_object().contains("intended"));
}

TEST(run_json_test, is_read_as_it_was_written) {
    for (const double rate : {0.0, 1000.0}) {
        const std::string text = text_of(sample_run({.rate = rate}));
        EXPECT_EQ(text_of(parse_run(text, "run.json")), text);
    }
    EXPECT_EQ(text_of(parse_run(text_of(run_result()), "run.json")), text_of(run_result()));
}

TEST(run_json_test, says_where_it_is_no_json) {
    EXPECT_THAT(complaint(""), StartsWith("run.json:1:1: not JSON: "));
    EXPECT_THAT(complaint("{\"a\": 1,\n  \"b\": x}"), StartsWith("run.json:2:8: not JSON: "));
    EXPECT_THAT(complaint("{} {}"), StartsWith("run.json:1:4: not JSON: "));
    EXPECT_THAT(complaint(std::string(100'000, '[')), HasSubstr("not JSON: "));
}

TEST(run_json_test, says_what_is_not_as_it_should_be) {
    EXPECT_THAT(complaint("[]"), HasSubstr("run.json: it must be an object"));
    EXPECT_THAT(complaint("{}"), HasSubstr("no run of coserve-bench"));
    EXPECT_THAT(complaint(R"({"format": 1})"), HasSubstr("format must be a string"));
    EXPECT_THAT(complaint(R"({"format": "coserve-bench 1"})"), HasSubstr("has no \"plan\""));
    EXPECT_THAT(complaint(with("\"sent\":", "\"snt\":")), HasSubstr("requests has no \"sent\""));
    EXPECT_THAT(
        complaint(with("\"failed\":2", "\"failed\":-2")), HasSubstr("requests.failed must")
    );
    EXPECT_THAT(
        complaint(with("\"failed\":2", "\"failed\":2.0")), HasSubstr("requests.failed must")
    );
    EXPECT_THAT(
        complaint(with("\"failed\":2", "\"failed\":99999999999999999999")),
        HasSubstr("requests.failed must")
    );
    EXPECT_THAT(
        complaint(with("\"series\":[", "\"series\":[7,")), HasSubstr("series[0] must be an")
    );
    EXPECT_THAT(
        complaint(with("\"buckets\":[", "\"buckets\":[1,")), HasSubstr("buckets must have an even")
    );
    EXPECT_THAT(
        complaint(with("\"buckets\":[", "\"buckets\":[5900,1,")), HasSubstr("index of a bucket")
    );
    EXPECT_THAT(
        complaint(with("\"buckets\":[", "\"buckets\":[5000,1,")), HasSubstr("[2] must be larger")
    );
    EXPECT_THAT(
        complaint(with("\"buckets\":[", "\"buckets\":[0,0,")), HasSubstr("[1] must be from 1")
    );
    EXPECT_THAT(
        complaint(with("\"elapsed_s\":", "\"elapsed_s\":1e300,\"x\":")), HasSubstr("elapsed_s")
    );
}

TEST(run_json_test, shows_hostile_names_in_a_printable_form) {
    const std::string said = complaint(with("\"reset\":1", "\"a\\n\\u001b[2Jb\":-1"));
    EXPECT_THAT(said, HasSubstr("errors.a\\x0a\\x1b[2Jb must be"));
}

/// Whatever is cut off or changed: it is read, or refused.
TEST(run_json_test, survives_cuts_and_mutations) {
    const std::string good = text_of(sample_run({.seconds = 2}));
    std::mt19937 random(11);
    std::size_t refused = 0;
    for (std::size_t i = 0; i < good.size(); i += 1 + good.size() / 500)
        EXPECT_NE(complaint(good.substr(0, i)), "") << i;
    const std::string_view bytes = "{}[]\",:0123456789eE.-nul\\\n\x80\xff";
    for (int i = 0; i < 3000; ++i) {
        std::string text = good;
        for (unsigned changes = 1 + random() % 3; changes != 0; --changes) {
            const std::size_t at = random() % text.size();
            switch (random() % 4) {
            case 0:
                text[at] = bytes[random() % bytes.size()];
                break;
            case 1:
                text.erase(at, 1 + random() % 20);
                break;
            case 2:
                text.insert(at, text.substr(random() % text.size(), random() % 30));
                break;
            default:
                text[at] = static_cast<char>(random());
            }
        }
        refused += !complaint(text).empty();
    }
    EXPECT_GT(refused, 1500U);
}

TEST(run_csv_test, has_a_line_for_each_second) {
    const run_result r = sample_run({.seconds = 3});
    const std::string text = run_csv(r);
    EXPECT_THAT(
        text,
        StartsWith("second,replies,failed,intended_p50_us,intended_p99_us,intended_p99.9_us,"
                   "service_p50_us,service_p99_us,service_p99.9_us\r\n0,")
    );
    EXPECT_EQ(
        std::count(text.begin(), text.end(), '\n'),
        1 + static_cast<std::ptrdiff_t>(r.counts.series.size())
    );
}

}  // namespace
}  // namespace coserve_bench
