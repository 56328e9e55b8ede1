#include "echo_load.hpp"
#include "live_line.hpp"
#include "report.hpp"

#include <coserve/core_pool.hpp>
#include <coserve/datagram.hpp>
#include <coserve/error.hpp>
#include <coserve/framing.hpp>
#include <coserve/option_reader.hpp>
#include <coserve/url.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <iostream>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include <sys/resource.h>

namespace coserve_bench {
namespace {

constexpr const char* reference = R"(
Each connection keeps N requests under way (--depth); a reply is what sends the next one. With --rate
each request has its time, and its latency counts from that, however late it could be sent.
The URL is tcp://HOST:PORT, unix:PATH or udp://HOST:PORT; its query takes the framing and limit keys of the server's listener:
  coserve-bench echo 'tcp://127.0.0.1:8080?framing=raw' -c 100 -t 30s
Over UDP a request without a reply within --timeout is lost, and the next one is sent in its place. Requests of 9 bytes
or more are numbered, so that replies in any order find theirs:
  coserve-bench echo udp://127.0.0.1:7700 -c 8 --depth 64
Times are 250us, 500ms, 10s, 5m; a bare number is seconds. Sizes are 64, 16KiB, 1MiB.
Exit codes: 0; 1 a connection failed; 2 usage.
)";

/// As they were written.
struct echo_arguments {
    std::string url, time, warmup, timeout, size = "64", verify = "length", json;
    std::size_t connections = 64, depth = 1, threads = 1;
    std::uint64_t requests = 0;
    double rate = 0;
    pid_t pid = 0;
};

[[noreturn]] void
refuse(const std::string& flag, const std::string& value, const std::string& why) {
    throw coserve::configuration_error(flag + " " + value + ": must be " + why);
}

coserve::duration read_time(const char* flag, const std::string& text, bool may_be_zero) {
    const auto time = coserve::parse_time(text);
    if (!time || *time > coserve::longest_time || (!may_be_zero && time->count() == 0))
        refuse(
            flag,
            text,
            may_be_zero ? "a time, such as 500ms or 10s, or 0" : "a time, such as 500ms or 10s"
        );
    return *time;
}

std::size_t read_size(const char* flag, const std::string& text) {
    constexpr std::uint64_t most = std::uint64_t{1} << 30;
    const auto size = coserve::parse_size(text);
    if (!size || *size > most)
        refuse(flag, text, "a size from 0 to 1GiB, such as 64 or 16KiB");
    return *size;
}

/// As many descriptors as it may have.
void raise_descriptor_limit(std::size_t connections) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    constexpr std::size_t others = 64;
    if (connections + others > limit.rlim_cur)
        refuse(
            "--connections",
            std::to_string(connections),
            "at most " + std::to_string(limit.rlim_cur - others) +
                ", by this process's limit of descriptors"
        );
}

void check_datagrams(const echo_arguments& a, std::size_t size) {
    if (size > coserve::longest_datagram)
        refuse("--size", a.size, "at most 65507, which is what a datagram holds");
    if (a.rate != 0)
        throw coserve::configuration_error(
            "--rate: over UDP there is only the closed loop; use --connections and --depth"
        );
}

plan plan_of(const echo_arguments& a) {
    const coserve::endpoint_url url = coserve::parse_url(a.url);
    plan p;
    p.url = a.url;
    p.name = url.to_string();
    const auto framings = coserve::framing_names::in(url.query);
    const bool writes_raw = framings.write == "raw";
    p.raw = framings.read == "raw";
    p.connections = a.connections;
    p.depth = a.depth;
    p.threads = a.threads;
    p.rate = a.rate;
    p.size = read_size("--size", a.size);
    p.datagrams = url.kind == coserve::endpoint_url::scheme::udp;
    const char* const usual_timeout = p.datagrams ? "1s" : "10s";
    p.timeout = read_time("--timeout", a.timeout.empty() ? usual_timeout : a.timeout, false);
    if (p.datagrams)
        check_datagrams(a, p.size);
    if (a.requests != 0) {
        if (!a.time.empty())
            throw coserve::configuration_error(
                "--requests and --duration: only one of them says when to stop"
            );
        p.requests = a.requests;
    } else {
        p.time = read_time("--duration", a.time.empty() ? "10s" : a.time, false);
    }
    p.warmup = read_time("--warmup", !a.warmup.empty() ? a.warmup : p.requests ? "0" : "1s", true);
    if ((p.raw || writes_raw) && p.size == 0)
        refuse("--size", a.size, "at least 1: without framing nothing would be sent");
    if (writes_raw && !p.raw && p.depth > 1)
        refuse(
            "--depth",
            std::to_string(p.depth),
            "1: without framing requests that are sent together are one"
        );
    if (p.threads > p.connections)
        refuse("--threads", std::to_string(p.threads), "at most one for each connection");
    const std::map<std::string, verification> levels{
        {"off", verification::off}, {"length", verification::length}, {"full", verification::full}
    };
    const auto level = levels.find(a.verify);
    if (level == levels.end())
        refuse("--verify", a.verify, "off, length or full");
    p.verify = level->second;
    if (a.pid != 0)
        p.pid = a.pid;
    raise_descriptor_limit(p.connections);
    return p;
}

void write_json(const std::string& path, const std::string& text) {
    if (path == "-") {
        std::cout << text;
        return;
    }
    std::ofstream file(path);
    file << text;
    file.close();
    if (!file)
        throw std::runtime_error("cannot write " + path + ": " + std::strerror(errno));
}

int run_echo(const echo_arguments& arguments) {
    const plan p = plan_of(arguments);
    const result r = [&] {
        live_line line;
        return run_echo_load(p, [&](const progress& now) { line.show(now); });
    }();
    const std::string failed = failures(p, r);
    const bool all_lost = p.datagrams && r.counts.completed == 0 && failed.empty();
    const bool some_held = r.counts.failed_connections() < p.connections;
    if (some_held && r.counts.completed != 0 && arguments.json != "-")
        std::cout << summary(p, r) << std::flush;
    if (!arguments.json.empty())
        write_json(arguments.json, json_report(p, r));
    if (all_lost) {
        std::fprintf(stderr, "coserve-bench: %s: no reply came\n", p.name.c_str());
        return 1;
    }
    if (failed.empty())
        return 0;
    std::fprintf(stderr, "coserve-bench: %s\n", failed.c_str());
    return 1;
}

/// Without the text that CLI11 adds to every flag's line of help.
template <class T>
CLI::Validator range(T least, T most) {
    return CLI::Range(least, most).description("");
}

void add_echo(CLI::App& app, echo_arguments& a) {
    CLI::App* echo =
        app.add_subcommand("echo", "Send requests, and measure how soon they come back");
    echo->add_option("URL", a.url, "Where the server listens")->required()->type_name("");
    echo->add_option("-c,--connections", a.connections, "Made before anything is sent [64]")
        ->check(range(1, 1'000'000))
        ->type_name("N");
    echo->add_option("-t,--duration", a.time, "How long, after the warm-up [10s]")
        ->type_name("TIME");
    echo->add_option("-n,--requests", a.requests, "Instead: how many in all")
        ->check(range(std::uint64_t{1}, std::uint64_t{1} << 50))
        ->type_name("N");
    echo->add_option("--warmup", a.warmup, "Before anything counts [1s; with -n: 0]")
        ->type_name("TIME");
    echo->add_option("--depth", a.depth, "Requests under way on a connection [1]")
        ->check(range(1, 1'000'000))
        ->type_name("N");
    echo->add_option(
            "-R,--rate", a.rate, "Requests a second, of all connections together [as they come]"
    )
        ->check(range(0.001, 1e9))
        ->type_name("N");
    echo->add_option("--size", a.size, "Of a request's payload [64]")->type_name("SIZE");
    echo->add_option("--threads", a.threads, "That share the connections [1]")
        ->check(range(1, 1024))
        ->type_name("N");
    echo->add_option("--timeout", a.timeout, "To connect, and for a reply [10s; over UDP 1s]")
        ->type_name("TIME");
    echo->add_option("--verify", a.verify, "What of a reply: off, length, full [length]")
        ->type_name("WHAT");
    echo->add_option("--pid", a.pid, "The server's, on this machine: count its processor time, too")
        ->check(range(1, std::numeric_limits<pid_t>::max()))
        ->type_name("PID");
    echo->add_option(
            "--json", a.json, "Write the result there; - for stdout, instead of the summary"
    )
        ->type_name("FILE");
    echo->footer(reference);
}

int run(int argc, char** argv) {
    CLI::App app("Measures servers that speak in frames.", "coserve-bench");
    app.set_version_flag(
        "-V,--version", "coserve-bench " COSERVE_VERSION, "Show the version, and exit"
    );
    app.set_help_flag("-h,--help", "Show this, and exit");
    app.require_subcommand(1);
    echo_arguments arguments;
    add_echo(app, arguments);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        if (e.get_exit_code() != 0)
            throw coserve::configuration_error(
                std::string(e.what()) + "; see coserve-bench --help"
            );
        return app.exit(e);
    }
    return run_echo(arguments);
}

int complain(const char* sentence, int exit_code) {
    std::fprintf(stderr, "coserve-bench: %s\n", sentence);
    return exit_code;
}

}  // namespace
}  // namespace coserve_bench

int main(int argc, char** argv) {
    using namespace coserve_bench;
    std::signal(SIGPIPE, SIG_IGN);  // a write that fails says so itself
    try {
        return run(argc, argv);
    } catch (const coserve::configuration_error& e) {
        return complain(e.what(), 2);
    } catch (const std::exception& e) {
        return complain(e.what(), 1);
    }
}
