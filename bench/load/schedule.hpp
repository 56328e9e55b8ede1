/// \file
/// When a run begins to count, and when it is over.
#pragma once

#include <coserve/units.hpp>

#include <atomic>
#include <chrono>

namespace coserve_bench {

using clock = std::chrono::steady_clock;

/// For so long after the end requests are sent that had their time before it, and replies are
/// awaited to what is under way: each for so long since the end, or since it was sent.
inline constexpr coserve::duration grace = std::chrono::seconds(1);

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

    /// Nothing more is sent, whatever its time was.
    bool closed(clock::time_point now) const noexcept { return over(now - grace); }

    /// No reply is awaited any more to what was sent then.
    bool given_up(clock::time_point sent, clock::time_point now) const noexcept {
        return closed(now) && now - sent >= grace;
    }
};

}  // namespace coserve_bench
