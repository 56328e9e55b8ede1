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

void latency_histogram::clear() noexcept {
    buckets_.reset();
    count_ = sum_ = most_ = 0;
    least_ = ~std::uint64_t{0};
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

coserve::duration latency_histogram::quantile(double fraction) const noexcept {
    const auto rank = static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(count_)));
    if (rank >= count_)
        return most();
    std::uint64_t seen = 0;
    for (int i = 0; i < buckets_.axis().size(); ++i) {
        seen += buckets_.at(i);
        if (seen >= rank && seen != 0)
            return nanoseconds(std::clamp(buckets_.axis().value(i), least_, most_));
    }
    return {};
}

filled_buckets latency_histogram::filled() const {
    filled_buckets some;
    for (int i = 0; i < buckets_.axis().size(); ++i)
        if (const std::uint64_t count = buckets_.at(i); count != 0)
            some.append({i, count});
    return some;
}

latency_histogram latency_histogram::of(
    const filled_buckets& some,
    coserve::duration least,
    coserve::duration most,
    std::uint64_t sum_ns
) {
    latency_histogram h;
    for (const filled_buckets::bucket& b : some.all())
        h.buckets_.at(b.index) = b.count;
    h.count_ = some.count();
    h.sum_ = sum_ns;
    if (h.count_ != 0)
        h.least_ = static_cast<std::uint64_t>(least.count());
    h.most_ = static_cast<std::uint64_t>(most.count());
    return h;
}

}  // namespace coserve_bench
