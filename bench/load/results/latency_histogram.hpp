/// \file
/// How long replies took, in a histogram whose size does not depend on how many there were.
#pragma once

#include "filled_buckets.hpp"
#include "log_linear_axis.hpp"

#include <coserve/units.hpp>

#include <boost/histogram.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace coserve_bench {

class latency_histogram {
public:
    /// That many times.
    void add(coserve::duration latency, std::uint64_t count = 1) noexcept {
        const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(latency.count(), 0));
        buckets_(ns, boost::histogram::weight(count));
        count_ += count;
        sum_ += ns * count;
        least_ = std::min(least_, ns);
        most_ = std::max(most_, ns);
    }

    latency_histogram& operator+=(const latency_histogram&);

    void clear() noexcept;

    std::uint64_t count() const noexcept { return count_; }

    /// All of them are 0 where there is no sample. The two extremes and the mean are exact.
    coserve::duration least() const noexcept;
    coserve::duration most() const noexcept;
    coserve::duration mean() const noexcept;
    /// What `fraction` (0 to 1) of the samples do not exceed, within 0.4 %.
    coserve::duration quantile(double fraction) const noexcept;

    /// What it takes to write one down, and to read it again.
    filled_buckets filled() const;
    std::uint64_t sum_ns() const noexcept { return sum_; }
    static latency_histogram
    of(const filled_buckets&, coserve::duration least, coserve::duration most, std::uint64_t sum_ns
    );

    bool operator==(const latency_histogram&) const = default;

private:
    decltype(boost::histogram::make_histogram_with(std::vector<std::uint64_t>(), log_linear_axis())
    ) buckets_ =
        boost::histogram::make_histogram_with(std::vector<std::uint64_t>(), log_linear_axis());
    std::uint64_t count_ = 0, sum_ = 0, least_ = ~std::uint64_t{0}, most_ = 0;
};

}  // namespace coserve_bench
