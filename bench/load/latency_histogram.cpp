#include "latency_histogram.hpp"

#include <cmath>

namespace coserve_bench {

namespace {

coserve::duration nanoseconds(std::uint64_t count) {
    return coserve::duration(static_cast<std::int64_t>(count));
}

}  // namespace

latency_histogram& latency_histogram::operator+=(const latency_histogram& other) {
    buckets_ += other.buckets_;
    count_ += other.count_;
    sum_ += other.sum_;
    least_ = std::min(least_, other.least_);
    most_ = std::max(most_, other.most_);
    return *this;
}

coserve::duration latency_histogram::least() const noexcept {
    return nanoseconds(count_ == 0 ? 0 : least_);
}

coserve::duration latency_histogram::most() const noexcept {
    return nanoseconds(most_);
}

coserve::duration latency_histogram::mean() const noexcept {
    return nanoseconds(count_ == 0 ? 0 : sum_ / count_);
}

coserve::duration latency_histogram::quantile(double fraction) const {
    const auto rank = static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (int i = 0; i < buckets_.axis().size(); ++i) {
        seen += buckets_.at(i);
        if (seen >= rank && seen != 0)
            return nanoseconds(std::clamp(buckets_.axis().value(i), least_, most_));
    }
    return {};
}

}  // namespace coserve_bench
