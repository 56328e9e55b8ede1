/// \file
/// How long replies took, in a histogram whose size does not depend on how many there were.
#pragma once

#include <coserve/units.hpp>

#include <boost/histogram.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace coserve_bench {

/// Buckets of whole nanoseconds, each at most 1/128 of its value wide: exact up to 256 ns, then 128
/// buckets for each doubling, up to 2^42 ns (73 minutes; more counts as that). The scheme of Gil
/// Tene's HdrHistogram.
class log_linear_axis {
public:
    using value_type = std::uint64_t;

    int index(std::uint64_t value) const noexcept {
        value = std::min(value, largest);
        if (value < 2 * steps)
            return static_cast<int>(value);
        const int shift = static_cast<int>(std::bit_width(value)) - bits - 1;
        return static_cast<int>((value >> shift) + static_cast<std::uint64_t>(shift) * steps);
    }

    int size() const noexcept { return index(largest) + 1; }

    /// The middle of a bucket.
    std::uint64_t value(int index) const noexcept {
        const auto i = static_cast<std::uint64_t>(index);
        if (i < 2 * steps)
            return i;
        const std::uint64_t shift = i / steps - 1;
        return ((i - shift * steps) << shift) + (std::uint64_t{1} << shift) / 2;
    }

    bool operator==(const log_linear_axis&) const noexcept { return true; }

private:
    static constexpr int bits = 7;
    static constexpr std::uint64_t steps = std::uint64_t{1} << bits;
    static constexpr std::uint64_t largest = (std::uint64_t{1} << 42) - 1;
};

class latency_histogram {
public:
    void add(coserve::duration latency) noexcept {
        const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(latency.count(), 0));
        buckets_(ns);
        ++count_;
        sum_ += ns;
        least_ = std::min(least_, ns);
        most_ = std::max(most_, ns);
    }

    latency_histogram& operator+=(const latency_histogram&);

    std::uint64_t count() const noexcept { return count_; }

    /// All of them are 0 where there is no sample. The two extremes and the mean are exact.
    coserve::duration least() const noexcept;
    coserve::duration most() const noexcept;
    coserve::duration mean() const noexcept;
    /// What `fraction` (0 to 1) of the samples do not exceed, within 0.4 %.
    coserve::duration quantile(double fraction) const;

private:
    decltype(boost::histogram::make_histogram_with(std::vector<std::uint64_t>(), log_linear_axis())
    ) buckets_ =
        boost::histogram::make_histogram_with(std::vector<std::uint64_t>(), log_linear_axis());
    std::uint64_t count_ = 0, sum_ = 0, least_ = ~std::uint64_t{0}, most_ = 0;
};

}  // namespace coserve_bench
