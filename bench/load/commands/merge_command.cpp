#include "output_options.hpp"
#include "report_commands.hpp"
#include "results/merge.hpp"
#include "results/run_json.hpp"

#include <memory>
#include <string>
#include <vector>

namespace coserve_bench {

namespace {

struct merge_arguments {
    std::vector<std::string> files;
    output_options output;
};

constexpr const char* reference = R"(
  coserve-bench merge machine1.json machine2.json -o all.json
The runs are parts of one load that several machines, or several of this program, made at the same time. Counts, rates and
connections are added up, and so are the histograms: percentiles are those of all requests, no means of percentiles.
Connections that failed in the runs do not make this command fail.
)";

int merge(const merge_arguments& a) {
    std::vector<run_result> runs;
    for (const std::string& file : a.files)
        runs.push_back(read_run(file));
    return finish_merged(merged(runs), a.output);
}

}  // namespace

void add_merge(CLI::App& app, command_action& chosen) {
    const auto a = std::make_shared<merge_arguments>();
    CLI::App* const command = app.add_subcommand("merge", "Make one of several machines' runs");
    command->group("Results");
    command->add_option("FILE", a->files, "What --json wrote")->required()->type_name("");
    add_output_options(*command, a->output, "-o,--json");
    command->remove_option(command->get_option("--samples"));  // no file has them
    command->footer(reference);
    command->callback([a, &chosen] {
        checked(a->output);
        chosen = [a] { return merge(*a); };
    });
}

}  // namespace coserve_bench
