/// \file
/// Two sides with several runs each, and what differs between them beyond chance.
#pragma once

#include "run_result.hpp"
#include "student.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace coserve_bench {

/// So many runs a side tell noise from a difference.
inline constexpr std::size_t fewest_runs = 3;

struct compared {
    enum class verdict : unsigned char { within_noise, better, worse };

    std::string name;  ///< "p99 intended"
    std::vector<double> a{}, b{};
    interval of_a{}, of_b{};
    double median_a = 0, median_b = 0;
    verdict is = verdict::within_noise;  ///< b, beside a
    std::string (*text)(double) = nullptr;

    /// "1.21ms [1.10ms..1.30ms]", the median and the interval.
    std::string side(bool of_b_side) const;
    /// "+12.1 %", from a's median to b's.
    std::string change() const;
    std::string verdict_text() const;
};

/// Rate, latencies and the server's processor time, as far as all runs have them. "Better" and
/// "worse" only where the two sides' intervals (student.hpp) have nothing in common; those of
/// latencies are at least as wide as the buckets of a histogram.
///
/// Errors: `coserve::configuration_error` for a side with fewer than `fewest_runs`, an open loop
/// beside a closed one, and a run without replies.
std::vector<compared> compare(const std::vector<run_result>& a, const std::vector<run_result>& b);

/// The plans' members that are not the same in all runs, with their values; empty: all are.
std::vector<std::string> differences_of_plans(const std::vector<run_result>&);

}  // namespace coserve_bench
