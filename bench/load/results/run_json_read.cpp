#include "json_value.hpp"
#include "log_linear_axis.hpp"
#include "run_json.hpp"
#include "text.hpp"

#include <algorithm>
#include <utility>

namespace coserve_bench {

namespace {

/// Seconds of a run, and samples of a server: more are no run's.
constexpr std::size_t longest_series = 1'000'000;

coserve::duration nanoseconds(const json_value& v) {
    return coserve::duration(static_cast<std::int64_t>(v.count()));
}

coserve::duration time(const json_value& seconds) {
    constexpr double longest = 1e9;
    if (seconds.number() > longest)
        seconds.refuse("must be at most 1e9 seconds");
    return duration_of(seconds.number());
}

filled_buckets buckets(const json_value& list) {
    filled_buckets some;
    if (list.size() % 2 != 0)
        list.refuse("must have an even number of elements: index, count, index, count...");
    int last = -1;
    for (std::size_t i = 0; i < list.size(); i += 2) {
        const std::uint64_t index = list.at(i).count();
        if (index >= static_cast<std::uint64_t>(log_linear_axis().size()))
            list.at(i).refuse("must be the index of a bucket");
        if (static_cast<int>(index) <= last)
            list.at(i).refuse("must be larger than the index before it");
        last = static_cast<int>(index);
        const std::uint64_t count = list.at(i + 1).count();
        if (count == 0 || count > std::uint64_t{1} << 50)
            list.at(i + 1).refuse("must be from 1 to 2^50");
        some.append({last, count});
    }
    return some;
}

latency_histogram histogram(const json_value& h) {
    const auto least = nanoseconds(h.at("min_ns")), most = nanoseconds(h.at("max_ns"));
    if (least > most)
        h.refuse("has a min_ns above its max_ns");
    constexpr std::uint64_t largest_sum = ~std::uint64_t{0} >> 1;
    const std::uint64_t sum = h.at("sum_ns").count(largest_sum);
    return latency_histogram::of(buckets(h.at("buckets")), least, most, sum);
}

latency_histogram histogram_if(const json_value& all, const char* name) {
    const auto h = all.find(name);
    return h ? histogram(*h) : latency_histogram();
}

counts_by_kind by_kind(const json_value& o) {
    counts_by_kind counts;
    for (const auto& [kind, value] : o.object())
        counts.emplace(kind, o.at(kind).count());
    return counts;
}

second_tally second(const json_value& o) {
    second_tally s;
    s.replies = o.at("replies").count();
    s.failed = o.count_or_0("failed");
    const json_value all = o.at("buckets");
    s.service = buckets(all.at("service"));
    if (const auto intended = all.find("intended"))
        s.intended = buckets(*intended);
    return s;
}

std::size_t checked_size(const json_value& list) {
    if (list.size() > longest_series)
        list.refuse("has more than a million elements");
    return list.size();
}

std::vector<second_tally> series(const json_value& list) {
    std::vector<second_tally> all(checked_size(list));
    for (std::size_t i = 0; i < all.size(); ++i)
        all[i] = second(list.at(i));
    return all;
}

void read_requests(tally& t, const json_value& o) {
    t.sent = o.at("sent").count();
    t.failed = o.at("failed").count();
    t.unsent = o.count_or_0("unsent");
    t.lost = o.count_or_0("lost");
    t.late = o.count_or_0("late_replies");
    t.duplicate = o.count_or_0("duplicate");
    t.reordered = o.count_or_0("reordered");
    t.wrong = o.count_or_0("wrong_replies");
    if (const auto kinds = o.find("failed_by"))
        t.failed_by = by_kind(*kinds);
}

tally counts(const json_value& run) {
    tally t;
    read_requests(t, run.at("requests"));
    if (const auto connections = run.find("connections")) {
        t.connected = connections->count_or_0("made");
        t.failed_connections = connections->count_or_0("failed");
    }
    t.errors = by_kind(run.at("errors"));
    if (const auto sentence = run.find("first_error"))
        t.first_error = sentence->text();
    const json_value replies = run.at("replies");
    t.served = replies.at("all").count();
    t.in_time = replies.at("in_time").count();
    t.bytes = replies.count_or_0("bytes");
    const json_value histograms = run.at("histograms");
    t.service = histogram(histograms.at("service"));
    t.intended = histogram_if(histograms, "intended");
    t.slip = histogram_if(histograms, "slip");
    t.completed = t.service.count();
    t.series = series(run.at("series"));
    return t;
}

std::vector<server_sample> server(const json_value& list) {
    std::vector<server_sample> all(checked_size(list));
    for (std::size_t i = 0; i < all.size(); ++i) {
        const json_value s = list.at(i);
        all[i] = {time(s.at("at_s")), time(s.at("cpu_s")), s.at("memory").count()};
    }
    return all;
}

idle_memory idle(const json_value& o) {
    return {o.at("connections").count(), o.at("before").count(), o.at("after").count()};
}

void read_cpu(run_result& r, const json_value& o) {
    r.own_cpu = time(o.at("tool_s"));
    if (const auto part = o.find("busiest_thread"))
        r.busiest_thread = part->number();
    if (const auto used = o.find("server_s"))
        r.server_cpu = time(*used);
}

}  // namespace

run_result run_of(const json_value& run) {
    if (const auto format = run.find("format"); !format || format->text() != "coserve-bench 1")
        run.refuse("is no run of coserve-bench: its \"format\" must be \"coserve-bench 1\"");
    run_result r;
    r.plan = run.at("plan").object();
    r.counts = counts(run);
    r.elapsed = time(run.at("elapsed_s"));
    read_cpu(r, run.at("cpu"));
    if (const auto list = run.find("server"))
        r.server = server(*list);
    if (const auto memory = run.find("idle"))
        r.idle = idle(*memory);
    if (const auto list = run.find("limits"))
        for (std::size_t i = 0; i < checked_size(*list); ++i)
            r.limits.push_back(list->at(i).text());
    return r;
}

run_result parse_run(std::string_view text, const std::string& name) {
    const boost::json::value document = parse_json(text, name);
    return run_of(json_value(document, name));
}

run_result read_run(const std::string& path) {
    return parse_run(read_file(path), path);
}

}  // namespace coserve_bench
