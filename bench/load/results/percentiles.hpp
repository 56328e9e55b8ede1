/// \file
/// The percentiles that reports have.
#pragma once

#include <array>

namespace coserve_bench {

struct percentile {
    const char* name;
    double fraction;
};

inline constexpr std::array<percentile, 8> percentiles{{
    {"p50", 0.5},
    {"p75", 0.75},
    {"p90", 0.9},
    {"p95", 0.95},
    {"p99", 0.99},
    {"p99.9", 0.999},
    {"p99.99", 0.9999},
    {"p99.999", 0.99999},
}};

/// What is shown of each second.
inline constexpr std::array<percentile, 3> percentiles_of_a_second{{
    {"p50", 0.5},
    {"p99", 0.99},
    {"p99.9", 0.999},
}};

}  // namespace coserve_bench
