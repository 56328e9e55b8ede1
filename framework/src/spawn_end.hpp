// How a spawned coroutine tells that it is over: it ended, or it was dropped while it waited for
// what will never come.
#pragma once

#include <exception>
#include <utility>

namespace coserve {

inline constexpr const char* dropped_coroutine =
    "a coroutine went on reading or writing after its connection had ended";

// For co_spawn. `dropped` is called while the coroutine is destroyed.
template <class Ended, class Dropped>
class spawn_end {
public:
    spawn_end(Ended ended, Dropped dropped)
        : ended_(std::move(ended)), dropped_(std::move(dropped)) {}

    spawn_end(spawn_end&& other) noexcept
        : ended_(std::move(other.ended_)),
          dropped_(std::move(other.dropped_)),
          pending_(std::exchange(other.pending_, false)) {}

    spawn_end& operator=(spawn_end&&) = delete;

    ~spawn_end() {
        if (pending_)
            dropped_();
    }

    void operator()(const std::exception_ptr& error) {
        pending_ = false;
        ended_(error);
    }

private:
    Ended ended_;
    Dropped dropped_;
    bool pending_ = true;
};

}  // namespace coserve
