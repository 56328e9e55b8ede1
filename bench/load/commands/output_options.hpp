/// \file
/// What becomes of a run's result: files, a table, and an exit code.
#pragma once

#include "results/assertion.hpp"
#include "results/run_result.hpp"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace coserve_bench {

/// Empty: not asked for. A file `-` is stdout.
struct output_options {
    std::string json, csv, html, samples;
    std::vector<std::string> assertions;
};

/// `json_flag` is what the flag of the JSON is called.
void add_output_options(CLI::App& subcommand, output_options&, const char* json_flag = "--json");

/// Errors: `coserve::configuration_error` for what is no assertion, and where two of the files are
/// stdout.
std::vector<assertion> checked(const output_options&);

/// Writes the files, prints the summary, and says on stderr what went wrong. The exit code: 0; 1
/// where connections or requests failed; 99 where an assertion does not hold.
///
/// Errors: `std::runtime_error` for a file that cannot be written.
int finish(const run_result&, const output_options&);

/// The same of runs that are made one: what failed in them is in the summary.
int finish_merged(const run_result&, const output_options&);

}  // namespace coserve_bench
