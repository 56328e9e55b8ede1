#include "report.hpp"

#include <boost/json.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <string_view>
#include <utility>

namespace coserve_bench {

namespace {

namespace json = boost::json;

template <class... A>
std::string format(const char* pattern, A... values) {
    std::array<char, 160> text{};
    std::snprintf(text.data(), text.size(), pattern, values...);
    return text.data();
}

double seconds(coserve::duration d) {
    return std::chrono::duration<double>(d).count();
}

double microseconds(coserve::duration d) {
    return std::chrono::duration<double, std::micro>(d).count();
}

/// Three digits or more: 4.21us, 18.3ms, 1204s.
std::string readable(coserve::duration d) {
    const double us = microseconds(d);
    const auto [value, unit] = us < 1e3   ? std::pair(us, "us")
                               : us < 1e6 ? std::pair(us / 1e3, "ms")
                                          : std::pair(us / 1e6, "s");
    return format(value < 10 ? "%.2f%s" : value < 100 ? "%.1f%s" : "%.0f%s", value, unit);
}

/// 1234567 as 1,234,567.
std::string grouped(std::uint64_t n) {
    std::string text = std::to_string(n);
    for (std::size_t at = text.size(); at > 3;)
        text.insert(at -= 3, ",");
    return text;
}

std::string counted(std::uint64_t n, const char* what) {
    return grouped(n) + " " + what + (n == 1 ? "" : "s");
}

double server_us_per_request(const run_result& r) {
    return microseconds(*r.server_cpu) / static_cast<double>(r.counts.served);
}

constexpr std::array<std::pair<const char*, double>, 5> quantiles{
    {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}}
};

json::object described(const plan& p) {
    json::object o{
        {"load", name_of(p.load)},
        {"url", p.url},
        {"connections", p.connections},
        {"depth", p.depth},
        {"size", p.sizes.text()},
        {"threads", p.threads},
        {"warmup_s", seconds(p.warmup)},
        {"timeout_s", seconds(p.timeout)},
        {"verify", name_of(p.verify)},
    };
    if (p.rate != 0)
        o["rate"] = p.rate;
    if (p.requests)
        o["requests"] = *p.requests;
    else
        o["duration_s"] = seconds(p.time);
    return o;
}

}  // namespace

namespace {

std::string latency_line(const char* label, const latency_histogram& h) {
    std::string text =
        std::string(label) + "  mean " + readable(h.mean()) + "  min " + readable(h.least());
    for (const auto& [name, fraction] : quantiles)
        text += std::string("  ") + name + " " + readable(h.quantile(fraction));
    return text + "  max " + readable(h.most()) + "\n";
}

json::object latency_object(const latency_histogram& h) {
    json::object latency{{"min", microseconds(h.least())}, {"mean", microseconds(h.mean())}};
    for (const auto& [name, fraction] : quantiles)
        latency[name] = microseconds(h.quantile(fraction));
    latency["max"] = microseconds(h.most());
    return latency;
}

}  // namespace

std::string summary(const plan& p, const run_result& r) {
    std::string text = p.name + "  " + counted(p.connections, "connection") + ", depth " +
                       grouped(p.depth) + ", " + p.sizes.text() + " bytes" + ", " +
                       counted(p.threads, "thread") +
                       (p.rate == 0 ? "" : format(", %.0f requests/s", p.rate)) + "\n";
    const double mib = r.rate() * p.sizes.mean() / (1 << 20);
    text += "requests  " + grouped(r.counts.completed) + " in " + readable(r.elapsed) + ": " +
            grouped(static_cast<std::uint64_t>(r.rate())) + "/s, " + format("%.1f", mib) +
            " MiB/s each way\n";
    if (p.datagrams) {
        const std::uint64_t all = r.counts.completed + r.counts.lost;
        const double part =
            all == 0 ? 0 : static_cast<double>(r.counts.lost) / static_cast<double>(all);
        text += "lost      " + grouped(r.counts.lost) + format(" (%.3f %%), ", 100 * part) +
                grouped(r.counts.late) + " replies too late, " + grouped(r.counts.wrong) +
                " wrong\n";
    }
    if (p.rate != 0)
        text += latency_line("latency ", r.counts.intended);
    text += latency_line(p.rate == 0 ? "latency " : "service ", r.counts.service);
    text += format("cpu       this tool %.0f %% of a core", 100 * seconds(r.own_cpu) / r.seconds());
    if (r.server_cpu)
        text += format(
            ", the server %.0f %%, %.2f us a request",
            100 * seconds(*r.server_cpu) / r.seconds(),
            server_us_per_request(r)
        );
    return text + "\n";
}

std::string failures(const plan& p, const run_result& r) {
    const std::uint64_t failed = r.counts.failed_connections;
    if (failed == 0 && r.counts.errors.empty())
        return "";
    std::string kinds;
    for (const auto& [kind, count] : r.counts.errors)
        kinds += (kinds.empty() ? "" : ", ") + kind + " " + grouped(count);
    std::string_view why = r.counts.first_error;
    if (why.starts_with(p.name + ": "))
        why.remove_prefix(p.name.size() + 2);
    return p.name + ": " + grouped(failed) + " of " + counted(p.connections, "connection") +
           " failed (" + kinds + "): " + std::string(why);
}

std::string json_report(const plan& p, const run_result& r) {
    json::object latency{{"service", latency_object(r.counts.service)}};
    if (p.rate != 0)
        latency["intended"] = latency_object(r.counts.intended);
    json::object errors;
    for (const auto& [kind, count] : r.counts.errors)
        errors[kind] = count;
    json::object cpu{{"tool_s", seconds(r.own_cpu)}};
    if (r.server_cpu && r.counts.served != 0) {
        cpu["server_s"] = seconds(*r.server_cpu);
        cpu["server_us_per_request"] = server_us_per_request(r);
    }
    json::object requests{
        {"sent", r.counts.sent},
        {"completed", r.counts.completed},
        {"failed", r.counts.failed},
    };
    if (p.datagrams) {
        requests["lost"] = r.counts.lost;
        requests["late_replies"] = r.counts.late;
        requests["wrong_replies"] = r.counts.wrong;
    }
    const json::object all{
        {"plan", described(p)},
        {"requests", std::move(requests)},
        {"elapsed_s", r.seconds()},
        {"rate", r.rate()},
        {"latency_us", std::move(latency)},
        {"errors", std::move(errors)},
        {"cpu", std::move(cpu)},
    };
    return json::serialize(all) + "\n";
}

}  // namespace coserve_bench
