// More of what a fast sender sends: it comes in a moment, and waiting for it on the thread that
// reads spares the way through the core and back.
#pragma once

#include <chrono>
#include <cstdint>
#include <sys/types.h>

namespace coserve {

// For one job of the blocking pool. Little in all, and only for who has shown to be fast, because
// others wait for this thread.
class arrivals {
public:
    static constexpr std::uint64_t fast = std::uint64_t{128} << 10;
    static constexpr std::chrono::milliseconds at_once{2}, in_all{10};

    explicit arrivals(int socket) noexcept : socket_(socket) {}

    // After each call, which gave `n`: whether to call again. Keeps errno.
    bool repeat(ssize_t n) noexcept;

private:
    using clock = std::chrono::steady_clock;

    bool come_soon() noexcept;

    const int socket_;
    clock::duration left_ = in_all;  // who drips has no more of the thread
    std::uint64_t moved_ = 0;
    bool waited_ = false;
};

}  // namespace coserve
