// What peers can make happen as often as they like is logged a few times a second.
#pragma once

#include <coserve/sleep.hpp>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

namespace coserve {

// Thread: any.
class log_limit {
public:
    explicit log_limit(unsigned each_second) : each_second_(each_second) {}

    // Whether it is to be logged, and then how many since the last time were not; nullopt: not now.
    std::optional<std::uint64_t> ask(time_point now) {
        const std::scoped_lock lock(mutex_);
        if (now >= end_) {
            end_ = now + std::chrono::seconds(1);
            told_ = 0;
        }
        if (told_ == each_second_) {
            ++untold_;
            return std::nullopt;
        }
        ++told_;
        return std::exchange(untold_, 0);
    }

private:
    const unsigned each_second_;
    std::mutex mutex_;
    time_point end_ = time_point::min();
    unsigned told_ = 0;
    std::uint64_t untold_ = 0;
};

}  // namespace coserve
