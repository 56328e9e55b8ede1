/// \file
/// A histogram's buckets that hold something.
#pragma once

#include <coserve/units.hpp>

#include <cstdint>
#include <vector>

namespace coserve_bench {

/// A small histogram: what one second of a run needs to be kept, merged and written down.
class filled_buckets {
public:
    struct bucket {
        int index = 0;  ///< of `log_linear_axis`
        std::uint64_t count = 0;

        bool operator==(const bucket&) const = default;
    };

    /// In the order of their indexes, each larger than the last one's.
    void append(bucket b) { all_.push_back(b); }

    filled_buckets& operator+=(const filled_buckets&);

    const std::vector<bucket>& all() const& noexcept { return all_; }
    void all() && = delete;  // `for` would not keep them alive
    std::uint64_t count() const noexcept;
    /// What `fraction` (0 to 1) of the samples do not exceed, within 0.4 %; 0 without samples.
    coserve::duration quantile(double fraction) const noexcept;

    bool operator==(const filled_buckets&) const = default;

private:
    std::vector<bucket> all_;
};

}  // namespace coserve_bench
