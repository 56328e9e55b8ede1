#include "run_json.hpp"

#include "percentiles.hpp"
#include "text.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace coserve_bench {

namespace json = boost::json;

namespace {

/// Without digits that nobody reads.
double rounded(double value) {
    return std::round(value * 1000) / 1000;
}

template <class Histogram, class Percentiles>
void add_percentiles(json::object& o, const Histogram& h, const Percentiles& all) {
    for (const percentile& p : all)
        o[p.name] = rounded(microseconds(h.quantile(p.fraction)));
}

json::object latency_us(const latency_histogram& h) {
    json::object o{
        {"min", rounded(microseconds(h.least()))}, {"mean", rounded(microseconds(h.mean()))}
    };
    add_percentiles(o, h, percentiles);
    o["max"] = rounded(microseconds(h.most()));
    return o;
}

json::object counted_by_kind(const counts_by_kind& counts) {
    json::object o;
    for (const auto& [kind, count] : counts)
        o[kind] = count;
    return o;
}

json::object requests(const run_result& r) {
    const tally& t = r.counts;
    json::object o{{"sent", t.sent}, {"completed", t.completed}, {"failed", t.failed}};
    const auto add = [&](const char* name, std::uint64_t count, bool always) {
        if (count != 0 || always)
            o[name] = count;
    };
    const bool datagrams = r.plan_has_datagrams();
    add("unsent", t.unsent, false);
    add("lost", t.lost, datagrams);
    add("late_replies", t.late, datagrams);
    add("wrong_replies", t.wrong, datagrams);
    add("duplicate", t.duplicate, false);
    add("reordered", t.reordered, false);
    if (!t.failed_by.empty())
        o["failed_by"] = counted_by_kind(t.failed_by);
    return o;
}

/// Index, count, index, count and so on.
json::array bucket_list(const filled_buckets& some) {
    json::array list;
    list.reserve(2 * some.all().size());
    for (const filled_buckets::bucket& b : some.all()) {
        list.emplace_back(b.index);
        list.emplace_back(b.count);
    }
    return list;
}

json::object histogram(const latency_histogram& h) {
    return {
        {"min_ns", h.least().count()},
        {"max_ns", h.most().count()},
        {"sum_ns", h.sum_ns()},
        {"buckets", bucket_list(h.filled())},
    };
}

json::object histograms(const tally& t) {
    json::object o{{"service", histogram(t.service)}};
    if (t.intended.count() != 0)
        o["intended"] = histogram(t.intended);
    if (t.slip.count() != 0)
        o["slip"] = histogram(t.slip);
    return o;
}

json::object second(const second_tally& s, std::size_t number, bool open_loop) {
    json::object latency, buckets{{"service", bucket_list(s.service)}};
    const auto add = [&](const char* name, const filled_buckets& some) {
        json::object values;
        add_percentiles(values, some, percentiles_of_a_second);
        latency[name] = std::move(values);
    };
    add("intended", open_loop ? s.intended : s.service);
    add("service", s.service);
    if (open_loop)
        buckets["intended"] = bucket_list(s.intended);
    return {
        {"second", number},
        {"replies", s.replies},
        {"failed", s.failed},
        {"latency_us", std::move(latency)},
        {"buckets", std::move(buckets)},
    };
}

json::array series(const run_result& r) {
    json::array list;
    for (std::size_t i = 0; i < r.counts.series.size(); ++i)
        list.push_back(second(r.counts.series[i], i, r.open_loop()));
    return list;
}

json::object cpu(const run_result& r) {
    json::object o{{"tool_s", seconds(r.own_cpu)}, {"busiest_thread", rounded(r.busiest_thread)}};
    if (r.server_cpu && r.counts.served != 0) {
        o["server_s"] = seconds(*r.server_cpu);
        o["server_us_per_request"] =
            microseconds(*r.server_cpu) / static_cast<double>(r.counts.served);
    }
    return o;
}

json::array server(const std::vector<server_sample>& all) {
    json::array list;
    for (const server_sample& s : all)
        list.push_back(
            {{"at_s", rounded(seconds(s.at))}, {"cpu_s", seconds(s.cpu)}, {"memory", s.memory}}
        );
    return list;
}

json::object idle(const idle_memory& m) {
    json::object o{{"connections", m.connections}, {"before", m.before}, {"after", m.after}};
    if (m.connections != 0 && m.after != 0)
        o["bytes_per_connection"] = (static_cast<double>(m.after) - static_cast<double>(m.before)) /
                                    static_cast<double>(m.connections);
    return o;
}

json::array sentences(const std::vector<std::string>& all) {
    json::array list;
    for (const std::string& s : all)
        list.emplace_back(s);
    return list;
}

}  // namespace

json::object run_json(const run_result& r) {
    const tally& t = r.counts;
    json::object o{
        {"format", "coserve-bench 1"},
        {"plan", r.plan},
        {"requests", requests(r)},
        {"connections", {{"made", t.connected}, {"failed", t.failed_connections}}},
        {"errors", counted_by_kind(t.errors)},
        {"first_error", t.first_error},
        {"elapsed_s", r.seconds()},
        {"rate", r.rate()},
        {"replies", {{"all", t.served}, {"in_time", t.in_time}, {"bytes", t.bytes}}},
        {"latency_us", {{"intended", latency_us(r.latency())}, {"service", latency_us(t.service)}}},
        {"cpu", cpu(r)},
        {"limits", sentences(r.limits)},
    };
    if (t.slip.count() != 0)
        o["slip_us"] = latency_us(t.slip);
    if (!r.server.empty())
        o["server"] = server(r.server);
    if (r.idle)
        o["idle"] = idle(*r.idle);
    o["series"] = series(r);
    o["histograms"] = histograms(t);
    return o;
}

}  // namespace coserve_bench
