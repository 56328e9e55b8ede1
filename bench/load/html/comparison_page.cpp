#include "comparison_page.hpp"

#include "markup.hpp"
#include "page.hpp"
#include "results/text.hpp"
#include "run_charts.hpp"

namespace coserve_bench {

namespace {

constexpr std::string_view how_to_read =
    "Each side's median, and in brackets the interval of 95 % around its mean (Student's, of the "
    "logarithms). A difference is better or worse where the two intervals have nothing in common, "
    "and within noise elsewhere.";

std::string comparison_table(const std::vector<compared>& all) {
    std::vector<std::vector<std::string>> rows{{"", "A", "B", "from A to B", ""}};
    for (const compared& c : all)
        rows.push_back(
            {escaped(c.name),
             escaped(c.side(false)),
             escaped(c.side(true)),
             escaped(c.change()),
             escaped(c.verdict_text())}
        );
    return table(rows);
}

void add_curves(
    std::vector<named_histogram>& all,
    const std::vector<run_result>& side,
    const char* name,
    int color,
    chart_line::dash pattern
) {
    for (const run_result& r : side)
        all.push_back({name, &r.latency(), color, pattern, &r == &side.front()});
}

latency_histogram whole(const std::vector<run_result>& side) {
    latency_histogram sum;
    for (const run_result& r : side)
        sum += r.latency();
    return sum;
}

}  // namespace

std::vector<std::string> plan_differences(const comparison_sides& s) {
    std::vector<run_result> all = s.a;
    all.insert(all.end(), s.b.begin(), s.b.end());
    return differences_of_plans(all);
}

std::string comparison_page(const comparison_sides& s, const std::vector<compared>& compared_all) {
    std::string body = element("h1", {}, "Comparison") +
                       element(
                           "p",
                           {{"class", "faint"}},
                           "A: " + counted(s.a.size(), "run") + ", B: " + counted(s.b.size(), "run")
                       );
    for (const std::string& difference : plan_differences(s))
        body += warning("The plans differ in " + difference);
    std::vector<named_histogram> curves;
    add_curves(curves, s.a, "A", 0, chart_line::dash::none);
    add_curves(curves, s.b, "B", 1, chart_line::dash::dashes);
    const latency_histogram a = whole(s.a), b = whole(s.b);
    body += comparison_table(compared_all) + element("p", {{"class", "faint"}}, how_to_read) +
            figure(percentile_chart(curves)) +
            figure(histogram_chart({{"A", &a, 0}, {"B", &b, 1}}));
    return page("Comparison - coserve-bench", body);
}

}  // namespace coserve_bench
