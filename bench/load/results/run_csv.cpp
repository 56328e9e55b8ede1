#include "run_csv.hpp"

#include "percentiles.hpp"
#include "text.hpp"

#include <cstddef>

namespace coserve_bench {

namespace {

std::string names() {
    std::string line = "second,replies,failed";
    for (const char* kind : {"intended", "service"})
        for (const percentile& p : percentiles_of_a_second)
            line += std::string(",") + kind + "_" + p.name + "_us";
    return line + "\r\n";
}

/// Nothing where there is none: 0 would be a latency.
std::string latencies(const filled_buckets& some) {
    std::string cells;
    for (const percentile& p : percentiles_of_a_second)
        cells +=
            some.all().empty() ? "," : format(",%.3f", microseconds(some.quantile(p.fraction)));
    return cells;
}

}  // namespace

std::string run_csv(const run_result& r) {
    std::string text = names();
    for (std::size_t i = 0; i < r.counts.series.size(); ++i) {
        const second_tally& s = r.counts.series[i];
        text +=
            std::to_string(i) + "," + std::to_string(s.replies) + "," + std::to_string(s.failed);
        text += latencies(r.open_loop() ? s.intended : s.service) + latencies(s.service) + "\r\n";
    }
    return text;
}

std::string samples_csv(const run_result& r) {
    std::string text = "intended_ns,service_ns\r\n";
    for (const sample& s : r.samples)
        text +=
            std::to_string(s.intended.count()) + "," + std::to_string(s.service.count()) + "\r\n";
    return text;
}

}  // namespace coserve_bench
