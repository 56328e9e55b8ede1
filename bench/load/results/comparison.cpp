#include "comparison.hpp"

#include "percentiles.hpp"
#include "summary.hpp"
#include "text.hpp"

#include <coserve/error.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>
#include <set>

namespace coserve_bench {

namespace {

/// A latency's interval is at least so much to each side: the histogram knows no better.
constexpr double resolution = 1.0 / 256;

using runs = std::vector<run_result>;

std::string rate_text(double v) {
    return readable(v) + "/s";
}

std::string time_text(double seconds) {
    return readable(duration_of(seconds));
}

std::string share_text(double v) {
    return format("%.3g %%", 100 * v);
}

interval widened(const interval& i) {
    return {i.low * (1 - resolution), i.high * (1 + resolution)};
}

std::vector<double> values(const runs& all, const std::function<double(const run_result&)>& value) {
    std::vector<double> some;
    for (const run_result& r : all)
        some.push_back(value(r));
    return some;
}

double failed_share(const run_result& r) {
    const tally& t = r.counts;
    const auto failed = static_cast<double>(t.failed + t.lost + t.unsent);
    return failed / (failed + static_cast<double>(t.completed));
}

double server_seconds(const run_result& r) {
    return seconds(*r.server_cpu) / static_cast<double>(r.counts.served);
}

enum class good : bool { less, more };

class comparing {
public:
    comparing(const runs& a, const runs& b) : a_(a), b_(b) {}

    void
    add(std::string name,
        good which,
        std::string (*text)(double),
        const std::function<double(const run_result&)>& value) {
        compared c{.name = std::move(name), .a = values(a_, value), .b = values(b_, value)};
        c.of_a = interval_of(c.a);
        c.of_b = interval_of(c.b);
        if (text == time_text) {
            c.of_a = widened(c.of_a);
            c.of_b = widened(c.of_b);
        }
        c.median_a = median(c.a);
        c.median_b = median(c.b);
        c.text = text;
        if (!c.of_a.overlaps(c.of_b))
            c.is = (c.median_b > c.median_a) == (which == good::more) ? compared::verdict::better
                                                                      : compared::verdict::worse;
        all_.push_back(std::move(c));
    }

    bool every(const std::function<bool(const run_result&)>& has) const {
        return std::ranges::all_of(a_, has) && std::ranges::all_of(b_, has);
    }

    bool some(const std::function<bool(const run_result&)>& has) const {
        return std::ranges::any_of(a_, has) || std::ranges::any_of(b_, has);
    }

    std::vector<compared> result() && { return std::move(all_); }

private:
    const runs &a_, &b_;
    std::vector<compared> all_;
};

void check(const runs& a, const runs& b) {
    using coserve::configuration_error;
    for (const auto& [name, side] : {std::pair("A", &a), std::pair("B", &b)}) {
        if (side->size() < fewest_runs)
            throw configuration_error(
                std::string("side ") + name + " has " + counted(side->size(), "run") +
                ": it takes at least 3 a side to tell a difference from noise"
            );
        for (const run_result& r : *side)
            if (r.counts.completed == 0)
                throw configuration_error(std::string("side ") + name + ": a run has no replies");
    }
    for (const runs* side : {&a, &b})
        for (const run_result& r : *side)
            if (r.open_loop() != a.front().open_loop())
                throw configuration_error("some runs are open loops and some closed ones: their "
                                          "latencies are not the same thing");
}

}  // namespace

std::string compared::side(bool of_b_side) const {
    const interval& i = of_b_side ? of_b : of_a;
    return text(of_b_side ? median_b : median_a) + " [" + text(std::max(i.low, 0.0)) + ".." +
           text(i.high) + "]";
}

std::string compared::change() const {
    if (median_a == 0)
        return median_b == 0 ? "0 %" : "new";
    return format("%+.1f %%", 100 * (median_b / median_a - 1));
}

std::string compared::verdict_text() const {
    switch (is) {
    case verdict::better:
        return "better";
    case verdict::worse:
        return "worse";
    case verdict::within_noise:
        break;
    }
    return "within noise";
}

std::vector<compared> compare(const runs& a, const runs& b) {
    check(a, b);
    comparing all(a, b);
    const std::string kind = a.front().open_loop() ? " intended" : "";
    all.add("rate", good::more, rate_text, [](const run_result& r) { return r.rate(); });
    all.add("mean" + kind, good::less, time_text, [](const run_result& r) {
        return seconds(r.latency().mean());
    });
    for (const percentile& p : percentiles)
        if (p.fraction <= 0.9999)
            all.add(p.name + kind, good::less, time_text, [&](const run_result& r) {
                return seconds(r.latency().quantile(p.fraction));
            });
    if (all.some([](const run_result& r) { return failed_share(r) > 0; }))
        all.add("failed", good::less, share_text, failed_share);
    if (all.every([](const run_result& r) { return r.server_cpu && r.counts.served != 0; }))
        all.add("server's CPU a request", good::less, time_text, server_seconds);
    return std::move(all).result();
}

std::vector<std::string> differences_of_plans(const runs& all) {
    std::set<std::string> keys;
    for (const run_result& r : all)
        for (const auto& [key, value] : r.plan)
            keys.insert(std::string(key));
    std::vector<std::string> differences;
    for (const std::string& key : keys) {
        std::vector<std::string> values;  // in the order of the runs
        for (const run_result& r : all) {
            const boost::json::value* v = r.plan.if_contains(key);
            const std::string text = v ? plan_text(*v) : "none";
            if (std::ranges::find(values, text) == values.end())
                values.push_back(text);
        }
        if (values.size() == 1)
            continue;
        std::string text = key + ": " + values.front();
        for (std::size_t i = 1; i < values.size(); ++i)
            text += ", " + values[i];
        differences.push_back(text);
    }
    return differences;
}

}  // namespace coserve_bench
