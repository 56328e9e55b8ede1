/// \file
/// Between which bounds a value lies that a few measurements have.
#pragma once

#include <vector>

namespace coserve_bench {

struct interval {
    double low = 0, high = 0;

    bool overlaps(const interval& other) const noexcept {
        return low <= other.high && other.low <= high;
    }
};

/// Student's interval of 95 % around the mean of at least two values. Where all are above 0 it is
/// that of their logarithms: latencies differ by factors, and lean to the right.
interval interval_of(const std::vector<double>& values);

double median(std::vector<double> values);

}  // namespace coserve_bench
