#include "result_file.hpp"

#include "results/json_value.hpp"
#include "results/run_json.hpp"

#include <coserve/error.hpp>

#include <cstddef>

namespace coserve_bench {

namespace {

assertion until(const json_value& v) {
    try {
        return assertion::parse(v.text());
    } catch (const coserve::configuration_error& e) {
        v.refuse(std::string("is no condition: ") + e.what());
    }
}

sweep_result sweep_of(const json_value& v) {
    sweep_result s{until(v.at("until"))};
    const json_value steps = v.at("steps");
    for (std::size_t i = 0; i < steps.size(); ++i)
        s.steps.push_back(run_of(steps.at(i)));
    return s;
}

}  // namespace

std::variant<run_result, sweep_result> read_result(const std::string& path) {
    const boost::json::value document = parse_json(read_file(path), path);
    const json_value v(document, path);
    if (const auto format = v.find("format"); format && format->text() == "coserve-bench sweep 1")
        return sweep_of(v);
    return run_of(v);
}

}  // namespace coserve_bench
