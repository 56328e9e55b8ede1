#include "summary.hpp"

#include "percentiles.hpp"
#include "text.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace coserve_bench {

namespace json = boost::json;

namespace {

constexpr double rate_is_held_within = 0.005;

std::string text_of(const json::object& plan, std::string_view key) {
    const json::value* v = plan.if_contains(key);
    return v ? plan_text(*v) : "";
}

/// "4 connections", where the plan has some.
std::string counted_text(const json::object& plan, std::string_view key, const char* what) {
    const std::string text = text_of(plan, key);
    return text.empty() ? "" : text + " " + what + (text == "1" ? "" : "s");
}

/// ", depth 4", where there is a text.
void append(std::string& line, const char* before, const std::string& text) {
    if (!text.empty())
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
    line.resize(10, ' ');
    for (const latency_histogram* h : all)
        line += padded(readable(value(*h)), 12);
    return line + "\n";
}

std::string latency_table(const run_result& r) {
    columns all{&r.counts.service};
    std::string text = "latency\n";
    if (r.open_loop()) {
        all.insert(all.begin(), &r.counts.intended);
        text = "latency       intended     service\n";
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
    if (r.idle)
        return "";
    const std::optional<payload_flow> flow = payload_flow_of(r);
    return "requests  " + grouped(r.counts.completed) + " in " + readable(r.elapsed) + ": " +
           grouped(static_cast<std::uint64_t>(r.rate())) + "/s" +
           (flow ? ", " + flow->rate + " " + std::string(flow->what) : "") + "\n";
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
    all.resize(10, ' ');
    return text.empty() ? "" : all + text + "\n";
}

std::string cpu_line(const run_result& r) {
    const double all = r.seconds() == 0 ? 1 : r.seconds();
    std::string text =
        format("cpu       this program %.0f %% of a core", 100 * seconds(r.own_cpu) / all);
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
    const std::string held = grouped(r.idle->connections) + " connections held";
    if (r.idle->after == 0)
        return line("held", held);
    const auto each = (static_cast<double>(r.idle->after) - static_cast<double>(r.idle->before)) /
                      static_cast<double>(r.idle->connections);
    return line(
        "memory", held + ", " + format("%.0f", each) + " bytes of the server's memory each"
    );
}

std::string slip_line(const latency_histogram& slip) {
    if (slip.count() == 0)
        return "";
    return line(
        "slip",
        "this program was late by p99 " + readable(slip.quantile(0.99)) + ", max " +
            readable(slip.most())
    );
}

std::string failed_text(const tally& t) {
    return named(
        {{"requests", t.failed}, {"never sent", t.unsent}, {"connections", t.failed_connections}}
    );
}

/// What only datagrams and chats have.
std::string lost_lines(const run_result& r) {
    const tally& t = r.counts;
    if (!r.plan_has_datagrams())
        return "";
    const double all = static_cast<double>(t.completed) + static_cast<double>(t.lost);
    const double part = all == 0 ? 0 : static_cast<double>(t.lost) / all;
    std::string text = grouped(t.lost) + format(" (%.3f %%), ", 100 * part) + grouped(t.late) +
                       " replies too late, " + grouped(t.wrong) + " wrong";
    if (t.duplicate + t.reordered != 0)
        text += ", " + grouped(t.duplicate) + " twice, " + grouped(t.reordered) + " out of order";
    return line("lost", text);
}

std::string failed_connections(const run_result& r) {
    const json::value* all = r.plan.if_contains("connections");
    const std::uint64_t failed = r.counts.failed_connections;
    if (all && all->is_number() && all->to_number<double>() >= static_cast<double>(failed))
        return grouped(failed) + " of " + plan_text(*all) + " connection" + (*all == 1 ? "" : "s") +
               " failed";
    return counted(failed, "connection") + " failed";
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
    std::string line = plan_url(plan) + "  ";
    if (const std::string load = text_of(plan, "load"); load != "echo")
        line += load + ", ";
    line += counted_text(plan, "connections", "connection");
    append(line, "depth ", text_of(plan, "depth"));
    append(line, "", counted_text(plan, "size", "byte"));
    append(line, "", counted_text(plan, "threads", "thread"));
    if (const std::string rate = text_of(plan, "rate"); !rate.empty())
        append(line, "", rate + " requests/s");
    return line;
}

std::string plan_url(const json::object& plan) {
    const std::string url = text_of(plan, "url");
    return url.substr(0, url.find('?'));
}

std::optional<payload_flow> payload_flow_of(const run_result& r) {
    if (r.counts.bytes == 0 || r.elapsed.count() == 0)
        return std::nullopt;
    const double mib = static_cast<double>(r.counts.bytes) / r.seconds() / (1 << 20);
    const std::string load = text_of(r.plan, "load");
    return payload_flow{
        format("%.1f MiB/s", mib),
        load == "upload" ? "uploaded"
        : load == "exec" ? "of output"
        : load == "chat" ? "of messages"
                         : "of replies",
    };
}

std::string summary(const run_result& r) {
    const tally& t = r.counts;
    std::string text = plan_line(r.plan) + "\n" + (r.idle ? "" : counts_line(r));
    text += line("failed", failed_text(t)) + lost_lines(r);
    if (t.completed != 0)
        text += latency_table(r);
    text += idle_line(r) + slip_line(t.slip) + cpu_line(r);
    for (const std::string& sentence : warnings(r))
        text += line("warning", sentence);
    return text;
}

std::string failures(const run_result& r) {
    const tally& t = r.counts;
    if (t.errors.empty() && t.failed == 0)
        return "";
    std::string text = plan_url(r.plan) + ": ";
    if (t.failed_connections != 0)
        text += failed_connections(r);
    else
        text += counted(t.failed, "request") + " failed";
    text += " (" + kinds(t.errors.empty() ? t.failed_by : t.errors) + ")";
    std::string_view why = t.first_error;
    if (const std::string name = plan_url(r.plan) + ": "; why.starts_with(name))
        why.remove_prefix(name.size());
    return why.empty() ? text : text + ": " + std::string(why);
}

std::vector<std::string> warnings(const run_result& r) {
    std::vector<std::string> all = r.limits;
    const json::value* asked = r.plan.if_contains("rate");
    if (!asked || !asked->is_number())
        return all;
    const double rate = asked->to_number<double>();
    const double missing = rate * r.seconds() - static_cast<double>(r.counts.in_time);
    if (missing > 2 + rate_is_held_within * rate * r.seconds())
        all.push_back(format(
            "the rate was not held: %.0f replies/s of %.0f that were asked for, %s requests never "
            "sent",
            r.rate(),
            rate,
            grouped(r.counts.unsent).c_str()
        ));
    return all;
}

}  // namespace coserve_bench
