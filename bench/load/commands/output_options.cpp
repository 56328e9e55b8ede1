#include "output_options.hpp"

#include "html/run_page.hpp"
#include "output_file.hpp"
#include "results/run_csv.hpp"
#include "results/run_json.hpp"
#include "results/summary.hpp"

#include <coserve/error.hpp>

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace coserve_bench {

namespace {

constexpr int run_failed = 1, assertion_failed = 99;

void complain(const std::string& sentence) {
    std::fprintf(stderr, "coserve-bench: %s\n", sentence.c_str());
}

bool writes_to_stdout(const output_options& o) {
    return std::ranges::count(std::array{o.json, o.csv, o.html, o.samples}, "-") != 0;
}

void write_files(const run_result& r, const output_options& o) {
    if (!o.json.empty())
        write_file(o.json, boost::json::serialize(run_json(r)) + "\n");
    if (!o.csv.empty())
        write_file(o.csv, run_csv(r));
    if (!o.samples.empty())
        write_file(o.samples, samples_csv(r));
    if (!o.html.empty())
        write_file(o.html, run_page({{"", r}}));
}

void print_summary(const run_result& r, const output_options& o) {
    if (!writes_to_stdout(o))
        write_file("-", summary(r));
}

/// True: they hold.
bool check_assertions(const run_result& r, const output_options& o) {
    bool all_hold = true;
    for (const assertion& a : checked(o)) {
        if (a.holds(r))
            continue;
        complain("asserted " + a.failure(r));
        all_hold = false;
    }
    return all_hold;
}

/// A table made of failures would be taken for figures.
bool says_something(const run_result& r) {
    const boost::json::value* all = r.plan.if_contains("connections");
    const bool all_failed =
        all && all->is_number() &&
        static_cast<double>(r.counts.failed_connections) >= all->to_number<double>();
    return !all_failed && (r.counts.completed != 0 || r.idle);
}

/// Nothing failed, and yet nothing was done.
bool is_silent(const run_result& r) {
    return r.counts.completed == 0 && !r.idle;
}

}  // namespace

void add_output_options(CLI::App& subcommand, output_options& o, const char* json_flag) {
    const auto add = [&](const char* flag, std::string& file, const char* what) {
        subcommand.add_option(flag, file, what)->type_name("FILE")->group("Results");
    };
    add(json_flag, o.json, "All of the result; - for stdout, instead of the summary");
    add("--csv", o.csv, "A line for each second");
    add("--html", o.html, "A page with charts");
    add("--samples", o.samples, "A line for each request: its latencies in nanoseconds");
    subcommand
        .add_option(
            "--assert", o.assertions, "Must hold, or the exit code is 99: 'p99<5ms', 'errors=0'..."
        )
        ->type_name("WHAT")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->group("Results");
}

std::vector<assertion> checked(const output_options& o) {
    if (std::ranges::count(std::array{o.json, o.csv, o.html, o.samples}, "-") > 1)
        throw coserve::configuration_error("only one of the results can be written to stdout");
    std::vector<assertion> all;
    for (const std::string& text : o.assertions)
        all.push_back(assertion::parse(text));
    return all;
}

int finish(const run_result& r, const output_options& o) {
    if (says_something(r))
        print_summary(r, o);
    write_files(r, o);
    std::string failed = failures(r);
    if (failed.empty() && is_silent(r))
        failed = plan_url(r.plan) + ": no reply came";
    if (!failed.empty())
        complain(failed);
    return check_assertions(r, o) ? failed.empty() ? 0 : run_failed : assertion_failed;
}

int finish_merged(const run_result& r, const output_options& o) {
    print_summary(r, o);
    write_files(r, o);
    return check_assertions(r, o) ? 0 : assertion_failed;
}

}  // namespace coserve_bench
