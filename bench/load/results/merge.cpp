#include "merge.hpp"

#include "summary.hpp"

#include <coserve/error.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

namespace coserve_bench {

namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, 5> added_up{
    "connections", "threads", "rate", "requests", "connect_rate"
};

std::string member(const run_result& r, std::string_view key) {
    const json::value* v = r.plan.if_contains(key);
    return v ? plan_text(*v) : "none";
}

void check(const std::vector<run_result>& all) {
    for (const run_result& r : all) {
        if (member(r, "load") != member(all.front(), "load"))
            throw coserve::configuration_error(
                "these runs are no parts of one: their loads are " + member(all.front(), "load") +
                " and " + member(r, "load")
            );
        if (r.plan.contains("rate") != all.front().plan.contains("rate"))
            throw coserve::configuration_error(
                "these runs are no parts of one: some are open loops, and some closed ones"
            );
    }
}

/// Whole where it is.
json::value sum(const json::value& a, const json::value& b) {
    constexpr double largest_whole = 9e15;
    const double both = a.to_number<double>() + b.to_number<double>();
    if (a.is_int64() && b.is_int64() && std::fabs(both) < largest_whole)
        return static_cast<std::int64_t>(both);
    return both;
}

/// What is the same in all stays; another is told beside it.
void add_plan(json::object& all, const json::object& more) {
    for (const auto& [key, value] : more) {
        json::value& mine = all[key];
        if (mine.is_null())
            mine = value;
        else if (std::ranges::find(added_up, std::string_view(key)) != added_up.end() &&
                 mine.is_number() && value.is_number())
            mine = sum(mine, value);
        else if (mine != value)
            mine = plan_text(mine) + ", " + plan_text(value);
    }
}

/// The servers of several machines are several servers.
void add_server(std::vector<server_sample>& all, const std::vector<server_sample>& more) {
    if (all.empty() || more.empty()) {
        all.insert(all.end(), more.begin(), more.end());
        return;
    }
    all.resize(std::min(all.size(), more.size()));
    for (std::size_t i = 0; i < all.size(); ++i) {
        all[i].cpu += more[i].cpu;
        all[i].memory += more[i].memory;
    }
}

void add(run_result& all, const run_result& more) {
    add_plan(all.plan, more.plan);
    all.counts += more.counts;
    all.elapsed = std::max(all.elapsed, more.elapsed);
    all.own_cpu += more.own_cpu;
    all.busiest_thread = std::max(all.busiest_thread, more.busiest_thread);
    if (more.server_cpu)
        all.server_cpu = all.server_cpu.value_or(coserve::duration()) + *more.server_cpu;
    add_server(all.server, more.server);
    if (more.idle) {
        idle_memory& sum = all.idle ? *all.idle : all.idle.emplace();
        sum.connections += more.idle->connections;
        sum.before += more.idle->before;
        sum.after += more.idle->after;
    }
    all.limits.insert(all.limits.end(), more.limits.begin(), more.limits.end());
    all.samples.insert(all.samples.end(), more.samples.begin(), more.samples.end());
}

}  // namespace

run_result merged(const std::vector<run_result>& all) {
    check(all);
    run_result sum = all.front();
    for (auto more = all.begin() + 1; more != all.end(); ++more)
        add(sum, *more);
    return sum;
}

}  // namespace coserve_bench
