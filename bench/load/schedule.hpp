/// \file
/// When a run begins to count, and when it is over.
#pragma once

#include <coserve/units.hpp>

#include <atomic>
#include <chrono>

namespace coserve_bench {

using clock = std::chrono::steady_clock;

/// What all threads are told while they run. All but the end is fixed before they begin to send.
struct schedule {
    clock::time_point start{};  ///< of sending
    /// The ramp and the warm-up are over: from here on it counts.
    clock::time_point begin = clock::time_point::max();
    std::atomic<clock::time_point> end = clock::time_point::max();  ///< nothing more is due

    bool counts(clock::time_point t) const noexcept { return t >= begin; }

    bool over(clock::time_point t) const noexcept {
        return t >= end.load(std::memory_order_relaxed);
    }
};

/// Replies are awaited for so long after the end.
inline constexpr coserve::duration grace = std::chrono::seconds(1);

}  // namespace coserve_bench
