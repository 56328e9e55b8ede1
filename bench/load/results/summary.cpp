#include "summary.hpp"

#include "percentiles.hpp"
#include "text.hpp"

#include <boost/json/serialize.hpp>

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace coserve_bench {

namespace json = boost::json;

namespace {

std::string text_of(const json::object& plan, std::string_view key) {
    const json::value* v = plan.if_contains(key);
    return v ? plan_text(*v) : "";
}

/// ", depth 4" where the plan has one.
void append(std::string& line, const json::object& plan, const char* before, const char* key) {
    if (const std::string text = text_of(plan, key); !text.empty())
        line += std::string(", ") + before + text;
}

std::string padded(std::string text, std::size_t width) {
    text.insert(0, width - std::min(width, text.size()), ' ');
    return text;
}

/// A name, and a column for each histogram.
using columns = std::vector<const latency_histogram*>;

template <class Value>
std::string row(const char* name, const columns& all, Value value) {
    std::string line = std::string("  ") + name;
    line.resize(12, ' ');
    for (const latency_histogram* h : all)
        line += padded(readable(value(*h)), 12);
    return line + "\n";
}

std::string latency_table(const run_result& r) {
    columns all{&r.counts.service};
    std::string text = "latency     from sending\n";
    if (r.open_loop()) {
        all.insert(all.begin(), &r.counts.intended);
        text = "latency         intended     service\n";
    }
    text += row("min", all, [](const latency_histogram& h) { return h.least(); });
    text += row("mean", all, [](const latency_histogram& h) { return h.mean(); });
    for (const percentile& p : percentiles)
        text +=
            row(p.name, all, [&](const latency_histogram& h) { return h.quantile(p.fraction); });
    text += row("max", all, [](const latency_histogram& h) { return h.most(); });
    if (r.open_loop())
        text += "  intended: from the time a request was due, which is what users feel;\n"
                "  service: from when it was sent, which hides the requests that had to wait\n";
    return text;
}

std::string counts_line(const run_result& r) {
    const tally& t = r.counts;
    const double mib =
        seconds(r.elapsed) == 0 ? 0 : static_cast<double>(t.bytes) / seconds(r.elapsed) / (1 << 20);
    return "requests    " + grouped(t.completed) + " in " + readable(r.elapsed) + ": " +
           grouped(static_cast<std::uint64_t>(r.rate())) + "/s, " + format("%.1f", mib) +
           " MiB/s of replies\n";
}

/// The counts that are not 0.
std::string named(const std::vector<std::pair<const char*, std::uint64_t>>& counts) {
    std::string text;
    for (const auto& [name, count] : counts)
        if (count != 0)
            text += (text.empty() ? "" : ", ") + std::string(name) + " " + grouped(count);
    return text;
}

std::string line(const char* label, const std::string& text) {
    std::string all = label;
    all.resize(12, ' ');
    return text.empty() ? "" : all + text + "\n";
}

std::string cpu_line(const run_result& r) {
    const double all = r.seconds() == 0 ? 1 : r.seconds();
    std::string text =
        format("cpu         this program %.0f %% of a core", 100 * seconds(r.own_cpu) / all);
    if (r.server_cpu) {
        text += format(", the server %.0f %%", 100 * seconds(*r.server_cpu) / all);
        if (r.counts.served != 0)
            text += format(
                ", %.2f us a request",
                microseconds(*r.server_cpu) / static_cast<double>(r.counts.served)
            );
    }
    return text + "\n";
}

std::string idle_line(const run_result& r) {
    if (!r.idle || r.idle->connections == 0)
        return "";
    const auto each = (static_cast<double>(r.idle->after) - static_cast<double>(r.idle->before)) /
                      static_cast<double>(r.idle->connections);
    return line(
        "memory",
        grouped(r.idle->connections) + " connections held, " + format("%.0f", each) +
            " bytes of the server's memory each"
    );
}

std::string kinds(const counts_by_kind& counts) {
    std::string text;
    for (const auto& [kind, count] : counts)
        text += (text.empty() ? "" : ", ") + kind + " " + grouped(count);
    return text;
}

}  // namespace

std::string plan_text(const json::value& v) {
    if (v.is_string())
        return std::string(v.get_string());
    if (v.is_double())
        return format("%.10g", v.get_double());
    return json::serialize(v);
}

std::string plan_line(const json::object& plan) {
    std::string line = text_of(plan, "load") + " " + text_of(plan, "url");
    append(line, plan, "connections ", "connections");
    append(line, plan, "depth ", "depth");
    append(line, plan, "bytes ", "size");
    append(line, plan, "threads ", "threads");
    append(line, plan, "requests/s ", "rate");
    return line;
}

std::string summary(const run_result& r) {
    const tally& t = r.counts;
    std::string text = plan_line(r.plan) + "\n" + counts_line(r);
    text += line(
        "failed",
        named(
            {{"requests", t.failed}, {"never sent", t.unsent}, {"connections", t.failed_connections}
            }
        )
    );
    text += line(
        "replies",
        named(
            {{"lost", t.lost},
             {"late", t.late},
             {"twice", t.duplicate},
             {"out of order", t.reordered},
             {"wrong", t.wrong}}
        )
    );
    if (t.completed != 0)
        text += latency_table(r);
    text += idle_line(r);
    if (t.slip.count() != 0)
        text += line(
            "slip",
            "this program was late by p99 " + readable(t.slip.quantile(0.99)) + ", max " +
                readable(t.slip.most())
        );
    text += cpu_line(r);
    for (const std::string& sentence : r.limits)
        text += "warning     " + sentence + "\n";
    return text;
}

std::string failures(const run_result& r) {
    const tally& t = r.counts;
    if (t.errors.empty() && t.failed == 0)
        return "";
    const std::string url = text_of(r.plan, "url");
    const std::string name = url.substr(0, url.find('?'));
    std::string text = name + ": ";
    if (t.failed_connections != 0)
        text += counted(t.failed_connections, "connection") + " failed";
    else
        text += counted(t.failed, "request") + " failed";
    text += " (" + kinds(t.errors.empty() ? t.failed_by : t.errors) + ")";
    std::string_view why = t.first_error;
    if (why.starts_with(name + ": "))
        why.remove_prefix(name.size() + 2);
    return why.empty() ? text : text + ": " + std::string(why);
}

}  // namespace coserve_bench
