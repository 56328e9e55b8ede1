// How often something may happen: so many times a second, and after a pause of a second as many at
// once (GCRA, a token bucket whose state is one point in time).
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>

namespace coserve {

class rate {
public:
    // 0: without a limit.
    explicit rate(std::uint32_t a_second) noexcept : step_(a_second ? second / a_second : 0) {}

    // `spent`: what it gave before; nullopt: too often.
    std::optional<std::int64_t> spend(std::int64_t spent, std::int64_t now) const noexcept {
        const std::int64_t from = std::max(spent, now);
        if (from - now > second - step_)
            return std::nullopt;
        return from + step_;
    }

    static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::min();
    static constexpr std::int64_t second = 1'000'000'000;

private:
    std::int64_t step_;  // nanoseconds from one to the next
};

inline std::int64_t nanoseconds_of(std::chrono::steady_clock::time_point t) noexcept {
    return std::chrono::nanoseconds(t.time_since_epoch()).count();
}

// What one spends of a rate.
class bucket {
public:
    // All of it is spent.
    static bucket empty(std::chrono::steady_clock::time_point now) noexcept {
        bucket b;
        b.spent_ = nanoseconds_of(now) + rate::second;
        return b;
    }

    // Like a new one.
    bool is_full(std::chrono::steady_clock::time_point now) const noexcept {
        return spent_ <= nanoseconds_of(now);
    }

    bool take(const rate& r, std::chrono::steady_clock::time_point now) noexcept {
        const auto next = r.spend(spent_, nanoseconds_of(now));
        spent_ = next.value_or(spent_);
        return next.has_value();
    }

private:
    std::int64_t spent_ = rate::never;
};

// What all cores spend of a rate together. Thread: any.
class shared_bucket {
public:
    bool take(const rate& r, std::chrono::steady_clock::time_point now) noexcept {
        std::int64_t spent = spent_.load(std::memory_order_relaxed);
        while (const auto next = r.spend(spent, nanoseconds_of(now)))
            if (spent_.compare_exchange_weak(spent, *next, std::memory_order_relaxed))
                return true;
        return false;
    }

private:
    std::atomic<std::int64_t> spent_ = rate::never;
};

}  // namespace coserve
