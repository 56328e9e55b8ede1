#include "html/run_page.hpp"
#include "html/sweep_page.hpp"
#include "output_file.hpp"
#include "report_commands.hpp"
#include "result_file.hpp"
#include "results/summary.hpp"

#include <coserve/error.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace coserve_bench {

namespace {

struct report_arguments {
    std::vector<std::string> files;
    std::string html;
};

constexpr const char* reference = R"(
  coserve-bench report run.json -o run.html
  coserve-bench report monday.json tuesday.json -o both.html
A FILE is what --json wrote: a run, or a sweep. With several runs the page has first their curves over each other, then each
by itself. Without -o a summary is printed.
)";

int report(const report_arguments& a) {
    std::vector<named_run> runs;
    std::string text, pages;
    for (const std::string& file : a.files) {
        auto result = read_result(file);
        if (auto* run = std::get_if<run_result>(&result)) {
            text += (text.empty() ? "" : "\n") + summary(*run);
            runs.push_back({file, std::move(*run)});
            continue;
        }
        if (a.files.size() > 1)
            throw coserve::configuration_error(file + ": a sweep has a report of its own");
        const auto& swept = std::get<sweep_result>(result);
        text = sweep_table(swept);
        pages = sweep_page(swept);
    }
    if (a.html.empty())
        write_file("-", text);
    else
        write_file(a.html, pages.empty() ? run_page(runs) : pages);
    return 0;
}

}  // namespace

void add_report(CLI::App& app, command_action& chosen) {
    const auto a = std::make_shared<report_arguments>();
    CLI::App* const command = app.add_subcommand("report", "Make a page of what --json wrote");
    command->group("Results");
    command->add_option("FILE", a->files, "What --json wrote")->required()->type_name("");
    command->add_option("-o,--html", a->html, "Write the page there; - for stdout")
        ->type_name("FILE");
    command->footer(reference);
    command->callback([a, &chosen] { chosen = [a] { return report(*a); }; });
}

}  // namespace coserve_bench
