#include "run_charts.hpp"

#include "results/percentiles.hpp"
#include "results/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

namespace coserve_bench {

namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
constexpr double shortest_second = 0.25;  // a last one that is shorter says nothing

std::string plain(double value) {
    return format("%.12g", value);
}

/// Of a tick: 200us, 5ms, 1s.
std::string short_time(double s) {
    const auto [value, unit] = s < 999.5e-9   ? std::pair(s * 1e9, "ns")
                               : s < 999.5e-6 ? std::pair(s * 1e6, "us")
                               : s < 999.5e-3 ? std::pair(s * 1e3, "ms")
                                              : std::pair(s, "s");
    return value == 0 ? "0" : format("%.4g", value) + unit;
}

/// 250, 5k, 1.5M.
std::string short_number(double v) {
    const auto [value, unit] = v < 999.5     ? std::pair(v, "")
                               : v < 999.5e3 ? std::pair(v / 1e3, "k")
                               : v < 999.5e6 ? std::pair(v / 1e6, "M")
                                             : std::pair(v / 1e9, "G");
    return format("%.4g", value) + unit;
}

std::string percent(double share) {
    return format("%.8g %%", 100 * share);
}

axis time_axis(const run_result& r) {
    return {"time since the end of the warm-up, s", scale::kind::linear, plain, 0, r.seconds()};
}

/// Where each second that is worth a point begins, and how long it is.
struct span {
    std::size_t index;
    double from, length;
};

std::vector<span> seconds_of(const run_result& r) {
    std::vector<span> all;
    for (std::size_t i = 0; i < r.counts.series.size(); ++i) {
        const auto from = static_cast<double>(i);
        const double length = std::min(1.0, r.seconds() - from);
        if (length >= shortest_second || (i == 0 && length > 0))
            all.push_back({i, from, length});
    }
    return all;
}

/// A value for each second, as steps.
template <class Value>
std::vector<point> steps(const run_result& r, Value value) {
    std::vector<point> points;
    const std::vector<span> all = seconds_of(r);
    for (const span& s : all)
        points.push_back({s.from, value(r.counts.series[s.index], s.length)});
    if (!all.empty())
        points.push_back({all.back().from + all.back().length, points.back().y});
    return points;
}

chart_line steps_of(std::string name, int color, std::vector<point> points) {
    chart_line l{.name = std::move(name), .color = color, .form = chart_line::shape::steps};
    l.points = std::move(points);
    return l;
}

chart_line quantile_steps(
    const run_result& r,
    const char* kind,
    const filled_buckets second_tally::* which,
    const percentile& p,
    int color
) {
    const auto value = [&](const second_tally& s, double) {
        const filled_buckets& some = s.*which;
        return some.all().empty() ? nothing : seconds(some.quantile(p.fraction));
    };
    return steps_of(std::string(p.name) + kind, color, steps(r, value));
}

/// The values of a line over several orders of magnitude need a logarithm.
bool spreads(const chart& c) {
    double least = std::numeric_limits<double>::infinity(), most = 0;
    for (const chart_line& l : c.lines)
        for (const point& p : l.points)
            if (std::isfinite(p.y) && p.y > 0) {
                least = std::min(least, p.y);
                most = std::max(most, p.y);
            }
    return most > 20 * least;
}

std::vector<point> curve(const latency_histogram& h) {
    std::vector<point> points;
    const auto all = static_cast<double>(h.count());
    const double last = -std::log10(std::min(1 / all, 0.01));
    constexpr int parts = 240;
    for (int i = 0; i <= parts; ++i) {
        const double share = 1 - std::pow(10, -last * i / parts);
        points.push_back({share, seconds(h.quantile(share))});
    }
    return points;
}

/// Bins of the same width on a logarithmic axis, 10 % of a bin's latency each.
std::vector<point> bins(const latency_histogram& h) {
    constexpr double bins_per_decade = 24;
    std::vector<double> counts;
    double first = 0;
    const filled_buckets filled = h.filled();
    for (const filled_buckets::bucket& b : filled.all()) {
        const auto ns = static_cast<double>(log_linear_axis().value(b.index));
        const double bin = std::floor(std::log10(std::max(ns, 1.0)) * bins_per_decade);
        if (counts.empty())
            first = bin;
        counts.resize(std::max(counts.size(), static_cast<std::size_t>(bin - first) + 1));
        counts[static_cast<std::size_t>(bin - first)] += static_cast<double>(b.count);
    }
    std::vector<point> points;
    const auto edge = [&](std::size_t i) {
        return std::pow(10, (first + static_cast<double>(i)) / bins_per_decade) / 1e9;
    };
    for (std::size_t i = 0; i < counts.size(); ++i)
        points.push_back({edge(i), counts[i] / static_cast<double>(h.count())});
    if (!counts.empty())
        points.push_back({edge(counts.size()), points.back().y});
    return points;
}

/// A line for each that has any.
std::vector<chart_line> lines_of(
    const std::vector<named_histogram>& all,
    chart_line::shape form,
    std::vector<point> (*points)(const latency_histogram&)
) {
    std::vector<chart_line> lines;
    for (const named_histogram& h : all)
        if (h.latency->count() != 0)
            lines.push_back({h.name, h.color, h.pattern, form, points(*h.latency), h.in_legend});
    return lines;
}

}  // namespace

axis latency_axis(const std::string& label, scale::kind kind) {
    return {label, kind, short_time};
}

axis rate_axis(const std::string& label) {
    return {label, scale::kind::linear, short_number, 0};
}

chart throughput_chart(const run_result& r) {
    chart c{
        "Throughput over time",
        "Replies that came in each second.",
        time_axis(r),
        rate_axis("replies/s")
    };
    c.lines.push_back(steps_of("replies", 0, steps(r, [](const second_tally& s, double length) {
                                   return static_cast<double>(s.replies) / length;
                               })));
    if (r.counts.failed != 0)
        c.lines.push_back(steps_of(
            "failed requests",
            1,
            steps(
                r,
                [](const second_tally& s, double length) {
                    return static_cast<double>(s.failed) / length;
                }
            )
        ));
    return c;
}

chart latency_chart(const run_result& r) {
    chart c{
        "Latency over time",
        "Percentiles of the replies that came in each second.",
        time_axis(r),
        latency_axis("latency", scale::kind::linear)
    };
    const bool open = r.open_loop();
    int color = 0;
    for (const percentile& p : percentiles_of_a_second)
        c.lines.push_back(quantile_steps(
            r,
            open ? " intended" : "",
            open ? &second_tally::intended : &second_tally::service,
            p,
            color++
        ));
    if (open) {
        c.lines.push_back(
            quantile_steps(r, " service", &second_tally::service, percentiles_of_a_second[1], 3)
        );
        c.lines.back().pattern = chart_line::dash::dashes;
        c.description += " Intended counts from the time a request was due, service from when it "
                         "was sent.";
    }
    if (spreads(c))
        c.y.kind = scale::kind::logarithmic;
    else
        c.y.least = 0;
    return c;
}

chart server_cpu_chart(const run_result& r) {
    chart c{
        "The server's processor time",
        "In parts of one processor: 200 % are two that are busy.",
        time_axis(r),
        axis{"CPU", scale::kind::linear, percent, 0}
    };
    std::vector<point> points;
    for (std::size_t i = 0; i < r.server.size(); ++i) {
        const server_sample before = i == 0 ? server_sample() : r.server[i - 1];
        const server_sample& now = r.server[i];
        if (now.at == before.at)
            continue;
        const double time = seconds(now.at - before.at);
        points.push_back(
            {seconds(before.at), time > 0 ? seconds(now.cpu - before.cpu) / time : nothing}
        );
    }
    if (!points.empty())
        points.push_back({seconds(r.server.back().at), points.back().y});
    c.lines.push_back(steps_of("server", 0, std::move(points)));
    return c;
}

chart server_memory_chart(const run_result& r) {
    chart c{
        "The server's memory",
        "Private and resident.",
        time_axis(r),
        axis{"MiB", scale::kind::linear, plain, 0}
    };
    std::vector<point> points;
    for (const server_sample& s : r.server)
        points.push_back({seconds(s.at), static_cast<double>(s.memory) / (1 << 20)});
    chart_line l{.name = "server", .color = 2};
    l.points = std::move(points);
    c.lines.push_back(std::move(l));
    return c;
}

chart percentile_chart(const std::vector<named_histogram>& all) {
    chart c{
        "Latency by percentile",
        "At 99 %: the latency that 99 of 100 requests did not exceed. To the right, where the "
        "slowest "
        "are, each step is a tenth of the requests before it.",
        axis{"requests that were no slower", scale::kind::quantiles, percent},
        latency_axis("latency", scale::kind::logarithmic)
    };
    c.lines = lines_of(all, chart_line::shape::line, &curve);
    return c;
}

chart histogram_chart(const std::vector<named_histogram>& all) {
    chart c{
        "Histogram of latencies",
        "How many of the requests took how long.",
        latency_axis("latency", scale::kind::logarithmic),
        axis{"share of requests", scale::kind::linear, percent, 0}
    };
    c.lines = lines_of(all, chart_line::shape::bars, &bins);
    if (c.lines.empty())
        return c;
    const std::string whose = c.lines.size() == 1 ? "" : " " + all[0].name;
    for (const percentile& p : percentiles_of_a_second)
        c.rules.push_back({p.name + whose, true, seconds(all[0].latency->quantile(p.fraction))});
    return c;
}

}  // namespace coserve_bench
