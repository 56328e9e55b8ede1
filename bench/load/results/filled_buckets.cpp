#include "filled_buckets.hpp"

#include "log_linear_axis.hpp"

#include <algorithm>
#include <cmath>

namespace coserve_bench {

filled_buckets& filled_buckets::operator+=(const filled_buckets& other) {
    std::vector<bucket> sum;
    sum.reserve(std::max(all_.size(), other.all_.size()));
    auto mine = all_.begin();
    for (const bucket& theirs : other.all_) {
        for (; mine != all_.end() && mine->index < theirs.index; ++mine)
            sum.push_back(*mine);
        sum.push_back(theirs);
        if (mine != all_.end() && mine->index == theirs.index)
            sum.back().count += (mine++)->count;
    }
    sum.insert(sum.end(), mine, all_.end());
    all_ = std::move(sum);
    return *this;
}

std::uint64_t filled_buckets::count() const noexcept {
    std::uint64_t sum = 0;
    for (const bucket& b : all_)
        sum += b.count;
    return sum;
}

coserve::duration filled_buckets::quantile(double fraction) const noexcept {
    const auto rank =
        static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(count())));
    std::uint64_t seen = 0;
    for (const bucket& b : all_) {
        seen += b.count;
        if (seen >= rank)
            return coserve::duration(static_cast<std::int64_t>(log_linear_axis().value(b.index)));
    }
    return {};
}

}  // namespace coserve_bench
