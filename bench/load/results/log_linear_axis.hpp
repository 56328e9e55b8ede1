/// \file
/// The buckets of latencies.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace coserve_bench {

/// An axis for Boost.Histogram: buckets of whole nanoseconds, each at most 1/128 of its value wide.
/// Exact up to 256 ns, then 128 buckets for each doubling, up to 2^46 ns (19 hours; more counts as
/// that). The scheme of Gil Tene's HdrHistogram.
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

    /// The least value of a bucket, and how many it has.
    std::uint64_t least(int index) const noexcept {
        const auto i = static_cast<std::uint64_t>(index);
        const std::uint64_t shift = i < 2 * steps ? 0 : i / steps - 1;
        return (i - shift * steps) << shift;
    }
    std::uint64_t width(int index) const noexcept {
        const auto i = static_cast<std::uint64_t>(index);
        return std::uint64_t{1} << (i < 2 * steps ? 0 : i / steps - 1);
    }

    /// The middle of a bucket.
    std::uint64_t value(int index) const noexcept { return least(index) + width(index) / 2; }

    bool operator==(const log_linear_axis&) const noexcept { return true; }

private:
    static constexpr int bits = 7;
    static constexpr std::uint64_t steps = std::uint64_t{1} << bits;
    static constexpr std::uint64_t largest = (std::uint64_t{1} << 46) - 1;
};

}  // namespace coserve_bench
