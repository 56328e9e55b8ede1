// The counts of one core's socket, which one thread writes and all may read.
#pragma once

#include <coserve/datagram.hpp>

#include <atomic>
#include <cstdint>

namespace coserve {

// Costs what a plain one does.
class datagram_count {
public:
    void add(std::uint64_t n) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }

    std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_ = 0;
};

struct datagram_counters {
    datagram_count received, truncated, refused, sent, dropped, failed, unreachable, errors;

    datagram_stats read() const noexcept {
        return {
            received.get(),
            truncated.get(),
            refused.get(),
            sent.get(),
            dropped.get(),
            failed.get(),
            unreachable.get(),
            errors.get(),
        };
    }
};

}  // namespace coserve
