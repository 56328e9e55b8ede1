#include "run_page.hpp"

#include "markup.hpp"
#include "page.hpp"
#include "results/assertion.hpp"
#include "results/percentiles.hpp"
#include "results/summary.hpp"
#include "results/text.hpp"
#include "run_charts.hpp"

namespace coserve_bench {

namespace {

constexpr std::string_view which_is_which =
    "Intended latency counts from the time a request was due by the plan: it is what users feel. "
    "Service latency counts from when the request was sent, and leaves out how long it had to wait "
    "for that.";

std::string title_of(const named_run& r) {
    if (!r.name.empty())
        return r.name;
    const std::string url = plan_url(r.run.plan);
    return url.empty() ? "A run" : url;
}

std::string tile(const std::string& value, const std::string& what) {
    return element("li", {}, element("b", {}, escaped(value)) + element("span", {}, escaped(what)));
}

std::string rate_text(double rate) {
    return (rate < 100 ? readable(rate) : grouped(static_cast<std::uint64_t>(rate + 0.5))) + "/s";
}

std::string tiles(const run_result& r) {
    const latency_histogram& h = r.latency();
    const std::string kind = r.open_loop() ? " intended" : "";
    std::string all =
        tile(rate_text(r.rate()), "replies") + tile(grouped(r.counts.completed), "requests");
    if (const auto flow = payload_flow_of(r))
        all += tile(flow->rate, std::string(flow->what));
    if (h.count() != 0)
        for (const percentile& p : percentiles_of_a_second)
            all += tile(readable(h.quantile(p.fraction)), p.name + kind);
    all += tile(grouped(failures_in(r.counts)), "failed or lost");
    return element("ul", {{"class", "tiles"}}, all) + "\n";
}

std::string latency_table(const run_result& r) {
    std::vector<std::vector<std::string>> rows{{"latency"}};
    std::vector<const latency_histogram*> columns{&r.latency()};
    rows[0].push_back(r.open_loop() ? "intended" : "from sending");
    if (r.open_loop()) {
        rows[0].push_back("service");
        columns.push_back(&r.counts.service);
    }
    const auto add = [&](const std::string& name, auto value) {
        rows.push_back({name});
        for (const latency_histogram* h : columns)
            rows.back().push_back(readable(value(*h)));
    };
    add("min", [](const latency_histogram& h) { return h.least(); });
    add("mean", [](const latency_histogram& h) { return h.mean(); });
    for (const percentile& p : percentiles)
        add(p.name, [&](const latency_histogram& h) { return h.quantile(p.fraction); });
    add("max", [](const latency_histogram& h) { return h.most(); });
    return table(rows);
}

std::string count_table(const run_result& r) {
    const tally& t = r.counts;
    std::vector<std::vector<std::string>> rows{{"what", "how many"}};
    const auto add = [&](const std::string& name, std::uint64_t count, bool always = false) {
        if (count != 0 || always)
            rows.push_back({escaped(name), grouped(count)});
    };
    add("requests sent", t.sent, true);
    add("completed", t.completed, true);
    add("failed", t.failed, true);
    add("never sent", t.unsent);
    add("lost", t.lost);
    add("replies too late", t.late);
    add("replies twice", t.duplicate);
    add("replies out of order", t.reordered);
    add("wrong replies", t.wrong);
    add("connections made", t.connected);
    add("connections failed", t.failed_connections);
    for (const auto& [kind, count] : t.errors)
        add("errors: " + kind, count);
    return table(rows);
}

std::vector<named_histogram> histograms(const run_result& r) {
    if (!r.open_loop())
        return {{"latency", &r.counts.service}};
    return {
        {"intended", &r.counts.intended},
        {"service", &r.counts.service, 1, chart_line::dash::dashes},
    };
}

std::string charts(const run_result& r) {
    if (r.counts.completed == 0)
        return "";
    std::string all = figure(throughput_chart(r)) + figure(latency_chart(r)) +
                      figure(percentile_chart(histograms(r))) +
                      figure(histogram_chart(histograms(r)));
    return all;
}

std::string server_charts(const run_result& r) {
    return r.server.size() < 2 ? "" : figure(server_cpu_chart(r)) + figure(server_memory_chart(r));
}

std::string section(const run_result& r) {
    std::string text = tiles(r);
    for (const std::string& sentence : warnings(r))
        text += warning(sentence);
    if (r.open_loop())
        text += element("p", {{"class", "faint"}}, which_is_which) + "\n";
    text += charts(r) + server_charts(r);
    if (r.counts.completed != 0)
        text += element("h2", {}, "Percentiles") + latency_table(r);
    text += element("h2", {}, "Counts") + count_table(r);
    return text + element("h2", {}, "Plan") + plan_table(r.plan);
}

std::string overlaid(const std::vector<named_run>& runs) {
    std::vector<named_histogram> all;
    for (std::size_t i = 0; i < runs.size(); ++i)
        all.push_back(
            {title_of(runs[i]),
             &runs[i].run.latency(),
             static_cast<int>(i % 6),
             static_cast<chart_line::dash>(i / 6 % 3)}
        );
    return figure(percentile_chart(all));
}

}  // namespace

std::string plan_table(const boost::json::object& plan) {
    std::vector<std::vector<std::string>> rows{{"key", "value"}};
    for (const auto& [key, value] : plan)
        rows.push_back({escaped(key), escaped(plan_text(value))});
    return element("div", {{"class", "plan"}}, table(rows)) + "\n";
}

std::string run_page(const std::vector<named_run>& runs) {
    if (runs.size() == 1)
        return page(
            title_of(runs[0]) + " - coserve-bench",
            element("h1", {}, escaped(title_of(runs[0]))) +
                element("p", {{"class", "faint"}}, escaped(plan_line(runs[0].run.plan))) +
                section(runs[0].run)
        );
    std::string body = element("h1", {}, counted(runs.size(), "run")) + overlaid(runs);
    for (const named_run& r : runs)
        body += element("h1", {{"class", "next"}}, escaped(title_of(r))) +
                element("p", {{"class", "faint"}}, escaped(plan_line(r.run.plan))) + section(r.run);
    return page("coserve-bench", body);
}

}  // namespace coserve_bench
