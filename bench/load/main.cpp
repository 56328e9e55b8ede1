#include "commands/load_options.hpp"
#include "live_line.hpp"
#include "report.hpp"
#include "run_load.hpp"

#include <coserve/error.hpp>

#include <CLI/CLI.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>

namespace coserve_bench {
namespace {

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

int load(const load_arguments& arguments, const std::string& json) {
    const plan p = plan_of(arguments);
    raise_descriptor_limit(p.connections);
    const run_result r = [&] {
        live_line line;
        return run_load(p, [&](const progress& now) { line.show(now); });
    }();
    const std::string failed = failures(p, r);
    const bool some_held = r.counts.failed_connections < p.connections;
    if (some_held && r.counts.completed != 0 && json != "-")
        std::cout << summary(p, r) << std::flush;
    if (!json.empty())
        write_json(json, json_report(p, r));
    if (failed.empty() && r.counts.completed == 0 && p.load != load_kind::idle) {
        std::fprintf(stderr, "coserve-bench: %s: no reply came\n", p.name.c_str());
        return 1;
    }
    if (failed.empty())
        return 0;
    std::fprintf(stderr, "coserve-bench: %s\n", failed.c_str());
    return 1;
}

int run(int argc, char** argv) {
    CLI::App app("Measures servers that speak in frames.", "coserve-bench");
    app.set_version_flag(
        "-V,--version", "coserve-bench " COSERVE_VERSION, "Show the version, and exit"
    );
    app.set_help_flag("-h,--help", "Show this, and exit");
    app.require_subcommand(1);
    load_arguments arguments;
    std::string json;
    add_loads(app, arguments, [&](CLI::App& subcommand) {
        subcommand
            .add_option(
                "--json", json, "Write the result there; - for stdout, instead of the summary"
            )
            ->type_name("FILE")
            ->group("Results");
    });
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        if (e.get_exit_code() != 0)
            throw coserve::configuration_error(
                std::string(e.what()) + "; see coserve-bench --help"
            );
        return app.exit(e);
    }
    return load(arguments, json);
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
