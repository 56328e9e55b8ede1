#include "sweep_page.hpp"

#include "markup.hpp"
#include "page.hpp"
#include "results/percentiles.hpp"
#include "results/summary.hpp"
#include "results/text.hpp"
#include "run_charts.hpp"
#include "run_page.hpp"

#include <utility>

namespace coserve_bench {

namespace {

chart knee_chart(const sweep_result& s) {
    chart c{
        "Latency over throughput",
        "Each mark is a run at its rate. The limit of the server is where the curves turn up.",
        rate_axis("replies/s"),
        latency_axis("latency", scale::kind::logarithmic)
    };
    int color = 0;
    for (const percentile& p : percentiles_of_a_second) {
        chart_line l{.name = p.name, .color = color++, .form = chart_line::shape::marks};
        for (const run_result* r : s.in_order())
            if (r->counts.completed != 0)
                l.points.push_back({r->rate(), seconds(r->latency().quantile(p.fraction))});
        c.lines.push_back(std::move(l));
    }
    if (const auto bound = s.until.latency_bound())
        c.rules.push_back({s.until.text(), false, seconds(*bound)});
    if (const run_result* good = s.best())
        c.rules.push_back({"the limit", true, good->rate()});
    return c;
}

chart rate_chart(const sweep_result& s) {
    chart c{
        "Asked and answered",
        "Where the server keeps up, as many replies come as were asked for: the dotted line.",
        rate_axis("requests/s that were asked for"),
        rate_axis("replies/s")
    };
    chart_line came{.name = "replies", .form = chart_line::shape::marks};
    chart_line ideal{.name = "as asked", .color = 5, .pattern = chart_line::dash::dots};
    ideal.points.push_back({0, 0});
    for (const run_result* r : s.in_order()) {
        came.points.push_back({sweep_result::asked(*r), r->rate()});
        ideal.points.push_back({sweep_result::asked(*r), sweep_result::asked(*r)});
    }
    c.lines = {std::move(came), std::move(ideal)};
    return c;
}

std::string sentence(std::string text) {
    if (!text.empty() && text[0] >= 'a' && text[0] <= 'z')
        text[0] = static_cast<char>(text[0] - 'a' + 'A');
    return text + ".";
}

std::string steps_table(const sweep_result& s) {
    std::vector<std::vector<std::string>> rows{{"asked/s", "replies/s"}};
    for (const percentile& p : percentiles_of_a_second)
        rows[0].emplace_back(p.name);
    rows[0].emplace_back("");
    for (const run_result* r : s.in_order()) {
        rows.push_back({format("%.0f", sweep_result::asked(*r)), format("%.0f", r->rate())});
        for (const percentile& p : percentiles_of_a_second)
            rows.back().push_back(readable(r->latency().quantile(p.fraction)));
        rows.back().emplace_back(s.broken_by(*r) ? "too many" : "");
    }
    return table(rows);
}

}  // namespace

std::string sweep_page(const sweep_result& s) {
    std::string body = element("h1", {}, "Sweep");
    if (!s.steps.empty())
        body += element("p", {{"class", "faint"}}, escaped(plan_url(s.steps.front().plan)));
    body += element("p", {}, escaped(sentence(s.conclusion()))) + figure(knee_chart(s)) +
            figure(rate_chart(s)) + element("h2", {}, "Steps") + steps_table(s);
    if (!s.steps.empty())
        body += element("h2", {}, "Plan of the first step") + plan_table(s.steps.front().plan);
    return page("Sweep - coserve-bench", body);
}

}  // namespace coserve_bench
