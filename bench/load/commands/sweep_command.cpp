#include "html/sweep_page.hpp"
#include "live_line.hpp"
#include "load_options.hpp"
#include "output_file.hpp"
#include "report_commands.hpp"
#include "results/summary.hpp"
#include "results/sweep.hpp"
#include "results/text.hpp"
#include "run_load.hpp"

#include <coserve/error.hpp>

#include <boost/json/serialize.hpp>

#include <cstdio>
#include <memory>
#include <string>

namespace coserve_bench {

namespace {

struct sweep_arguments {
    load_arguments load;
    std::string until = "p99>5ms", json, html;
    double from = 1000, to = 10e6, factor = 1.5;
    int refinements = 3;
};

constexpr const char* reference = R"(
  coserve-bench sweep echo tcp://127.0.0.1:7700 -c 64 -t 5s --until 'p99>5ms' --html knee.html
Each rate is one run of the load, with all its flags; -t says how long (3s). The rates grow until the condition holds, or fewer
than 9 of 10 replies come; then the gap before it is halved a few times. The page draws latency over throughput: the limit
is where the curve turns up.
Exit codes: 0; 1 already the first rate was too much; 2 usage.
)";

void complain(const std::string& sentence) {
    std::fprintf(stderr, "coserve-bench: %s\n", sentence.c_str());
}

run_result run_at(const sweep_arguments& a, double rate) {
    load_arguments with_rate = a.load;
    with_rate.rate = rate;
    const plan p = plan_of(with_rate);
    raise_descriptor_limit(p.connections);
    live_line line;
    return run_load(p, [&](const progress& now) { line.show(now); });
}

/// It was interrupted, or nothing came any more: larger rates would say nothing.
bool is_over(const run_result& r, const plan& p) {
    return r.counts.completed == 0 || (!p.requests && r.elapsed < p.time / 2);
}

sweep_result run_all(const sweep_arguments& a) {
    sweep_result all{assertion::parse(a.until)};
    load_arguments with_rate = a.load;
    with_rate.rate = a.from;
    const plan first = plan_of(with_rate);
    sweep_rates rates(a.from, a.to, a.factor, a.refinements);
    while (const std::optional<double> rate = rates.next()) {
        const run_result r = run_at(a, *rate);
        if (const std::string failed = failures(r); !failed.empty())
            complain(failed);
        all.steps.push_back(r);
        if (is_over(r, first))
            break;
        rates.tell(all.broken_by(r));
    }
    return all;
}

void check(const sweep_arguments& a) {
    assertion::parse(a.until);
    if (a.load.rate != 0)
        throw coserve::configuration_error("--rate: a sweep chooses the rates; see --from and --to"
        );
    if (a.load.load == load_kind::idle)
        throw coserve::configuration_error("sweep idle: connections that wait have no rate");
    if (a.from > a.to)
        throw coserve::configuration_error(
            format("--from %g: must be at most --to %g", a.from, a.to)
        );
}

int sweep(sweep_arguments& a) {
    check(a);
    if (a.load.time.empty() && a.load.requests == 0)
        a.load.time = "3s";
    const sweep_result all = run_all(a);
    if (a.json != "-" && a.html != "-")
        write_file("-", sweep_table(all));
    if (!a.json.empty())
        write_file(a.json, boost::json::serialize(sweep_json(all)) + "\n");
    if (!a.html.empty())
        write_file(a.html, sweep_page(all));
    if (all.best())
        return 0;
    complain(plan_url(all.steps.front().plan) + ": " + all.conclusion());
    return 1;
}

template <class T>
CLI::Validator range(T least, T most) {
    return CLI::Range(least, most).description("");
}

void add_flags(CLI::App& app, sweep_arguments& a) {
    app.add_option("--until", a.until, "What ends it, as in --assert [p99>5ms]")->type_name("WHAT");
    app.add_option("--from", a.from, "The first rate, a second [1000]")
        ->check(range(0.001, 1e9))
        ->type_name("N");
    app.add_option("--to", a.to, "The last one [10000000]")
        ->check(range(0.001, 1e9))
        ->type_name("N");
    app.add_option("--factor", a.factor, "From one to the next [1.5]")
        ->check(range(1.01, 100.0))
        ->type_name("X");
    app.add_option("--refine", a.refinements, "How often the gap before the limit is halved [3]")
        ->check(range(0, 20))
        ->type_name("N");
    app.add_option("--json", a.json, "All the runs; - for stdout, instead of the table")
        ->type_name("FILE");
    app.add_option("--html", a.html, "A page with the curve of latency over throughput")
        ->type_name("FILE");
    for (const char* name :
         {"--until", "--from", "--to", "--factor", "--refine", "--json", "--html"})
        app.get_option(name)->group("Sweep");
}

}  // namespace

void add_sweep(CLI::App& app, command_action& chosen) {
    const auto a = std::make_shared<sweep_arguments>();
    CLI::App* const command =
        app.add_subcommand("sweep", "Raise a load's rate until the server cannot go on");
    command->group("Results");
    command->require_subcommand(1);
    add_loads(*command, a->load, [&](CLI::App& load) { add_flags(load, *a); });
    command->footer(reference);
    command->callback([a, &chosen] { chosen = [a] { return sweep(*a); }; });
}

}  // namespace coserve_bench
