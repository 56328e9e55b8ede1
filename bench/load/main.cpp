#include "commands/load_options.hpp"
#include "commands/output_options.hpp"
#include "commands/report_commands.hpp"
#include "live_line.hpp"
#include "run_load.hpp"

#include <coserve/error.hpp>

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>

namespace coserve_bench {
namespace {

constexpr const char* examples = R"(
  coserve-bench echo tcp://127.0.0.1:7700                  as much as it serves, for ten seconds
  coserve-bench echo tcp://127.0.0.1:7700 -R 20000         so many requests a second, and how soon they are answered
  coserve-bench connect|idle|exec|upload|chat URL          other loads; LOAD --help has the flags of each
)";

int load(const load_arguments& arguments, const output_options& output) {
    checked(output);
    plan p = plan_of(arguments);
    p.keep_samples = !output.samples.empty();
    raise_descriptor_limit(p.connections);
    const run_result r = [&] {
        live_line line;
        return run_load(p, [&](const progress& now) { line.show(now); });
    }();
    return finish(r, output);
}

int run(int argc, char** argv) {
    CLI::App app("Measures servers that speak in frames.", "coserve-bench");
    app.set_version_flag(
        "-V,--version", "coserve-bench " COSERVE_VERSION, "Show the version, and exit"
    );
    app.set_help_flag("-h,--help", "Show this, and exit");
    app.require_subcommand(1);
    app.footer(examples);
    load_arguments arguments;
    output_options output;
    command_action chosen;
    add_loads(app, arguments, [&](CLI::App& load) { add_output_options(load, output); });
    for (const auto add : {add_report, add_compare, add_merge, add_sweep})
        add(app, chosen);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        if (e.get_exit_code() != 0)
            throw coserve::configuration_error(
                std::string(e.what()) + "; see coserve-bench --help"
            );
        return app.exit(e);
    }
    return chosen ? chosen() : load(arguments, output);
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
    } catch (const coserve::system_error& e) {
        return complain(coserve::reason_of(e).c_str(), 1);
    } catch (const std::exception& e) {
        return complain(e.what(), 1);
    }
}
