#include "student.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

namespace coserve_bench {

namespace {

/// What 97.5 % do not exceed, for 1 to 30 degrees of freedom.
constexpr std::array quantiles{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
                               2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
                               2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
                               2.060,  2.056, 2.052, 2.048, 2.045, 2.042};

/// For more than 30 the value of 30: a little too wide.
double quantile(std::size_t degrees) {
    return quantiles[std::min(degrees, quantiles.size()) - 1];
}

interval plain(const std::vector<double>& values) {
    const auto n = static_cast<double>(values.size());
    double sum = 0, squares = 0;
    for (const double v : values)
        sum += v;
    const double mean = sum / n;
    for (const double v : values)
        squares += (v - mean) * (v - mean);
    const double half = quantile(values.size() - 1) * std::sqrt(squares / (n - 1) / n);
    return {mean - half, mean + half};
}

}  // namespace

interval interval_of(const std::vector<double>& values) {
    if (values.size() < 2)
        return {-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
    if (std::ranges::any_of(values, [](double v) { return v <= 0; }))
        return plain(values);
    std::vector<double> logarithms;
    for (const double v : values)
        logarithms.push_back(std::log(v));
    const interval of_logarithms = plain(logarithms);
    return {std::exp(of_logarithms.low), std::exp(of_logarithms.high)};
}

double median(std::vector<double> values) {
    if (values.empty())
        return 0;
    std::ranges::sort(values);
    const std::size_t half = values.size() / 2;
    return values.size() % 2 != 0 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace coserve_bench
