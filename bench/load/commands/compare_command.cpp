#include "html/comparison_page.hpp"
#include "output_file.hpp"
#include "report_commands.hpp"
#include "results/comparison.hpp"
#include "results/run_json.hpp"
#include "results/text.hpp"

#include <coserve/error.hpp>
#include <coserve/printable.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace coserve_bench {

namespace {

struct compare_arguments {
    std::vector<std::string> files;
    std::string html;
};

constexpr const char* reference = R"(
  coserve-bench compare a1.json a2.json a3.json vs b1.json b2.json b3.json -o change.html
The word vs stands between the two sides; each needs 3 runs or more, made in turns (a b a b a b), so that what else the machine
does meets both alike. A line has each side's median with its interval of 95 % (Student's, of the logarithms); a difference
counts where the two intervals have nothing in common, and is "within noise" elsewhere.
)";

std::vector<run_result> read_all(const std::vector<std::string>& files) {
    std::vector<run_result> runs;
    for (const std::string& file : files)
        runs.push_back(read_run(file));
    return runs;
}

comparison_sides read_sides(const std::vector<std::string>& files) {
    const auto between = std::ranges::find(files, "vs");
    if (between == files.end() || std::find(between + 1, files.end(), "vs") != files.end())
        throw coserve::configuration_error(
            "compare: one word vs must stand between the two sides: a1.json a2.json a3.json vs "
            "b1.json b2.json b3.json"
        );
    return {
        read_all(std::vector(files.begin(), between)),
        read_all(std::vector(between + 1, files.end()))
    };
}

void pad(std::string& text, std::size_t width) {
    text.resize(std::max(text.size() + 2, width), ' ');
}

std::string text_of(const comparison_sides& sides, const std::vector<compared>& all) {
    std::string text;
    const auto line =
        [&](std::string name, const std::string& a, const std::string& b, const std::string& change
        ) {
            pad(name, 24);
            name += a;
            pad(name, 56);
            name += b;
            pad(name, 88);
            text += name + change + "\n";
        };
    line(
        "",
        "A: " + counted(sides.a.size(), "run"),
        "B: " + counted(sides.b.size(), "run"),
        "from A to B"
    );
    for (const compared& c : all)
        line(c.name, c.side(false), c.side(true), c.change() + "  " + c.verdict_text());
    for (const std::string& difference : plan_differences(sides))
        text += "the plans differ in " + coserve::printable(difference) + "\n";
    return text;
}

int compare_files(const compare_arguments& a) {
    const comparison_sides sides = read_sides(a.files);
    const std::vector<compared> all = compare(sides.a, sides.b);
    if (a.html != "-")
        write_file("-", text_of(sides, all));
    if (!a.html.empty())
        write_file(a.html, comparison_page(sides, all));
    return 0;
}

}  // namespace

void add_compare(CLI::App& app, command_action& chosen) {
    const auto a = std::make_shared<compare_arguments>();
    CLI::App* const command =
        app.add_subcommand("compare", "Tell whether two sides of runs differ, or it is noise");
    command->group("Results");
    command->add_option("FILE", a->files, "A's runs, the word vs, B's runs")
        ->required()
        ->type_name("");
    command
        ->add_option("-o,--html", a->html, "Write a page, too; - for stdout, instead of the table")
        ->type_name("FILE");
    command->footer(reference);
    command->callback([a, &chosen] { chosen = [a] { return compare_files(*a); }; });
}

}  // namespace coserve_bench
