// How a spawned coroutine tells that it is over: it ended, or it was dropped while it waited for
// what will never come.
#pragma once

#include <boost/asio/cancellation_signal.hpp>

#include <exception>
#include <utility>

namespace coserve {

inline constexpr const char* dropped_coroutine =
    "a coroutine went on reading or writing after its connection had ended";

// For co_spawn, which is cancelled through `slot`. `dropped` is called while the coroutine is
// destroyed. An idle connection keeps one: co_spawn's state is smaller for a handler that has a
// slot of its own than for one that bind_cancellation_slot gave it.
template <class Ended, class Dropped>
class spawn_end {
public:
    using cancellation_slot_type = boost::asio::cancellation_slot;

    spawn_end(cancellation_slot_type slot, Ended ended, Dropped dropped)
        : slot_(slot), ended_(std::move(ended)), dropped_(std::move(dropped)) {}

    spawn_end(spawn_end&& other) noexcept
        : slot_(other.slot_),
          ended_(std::move(other.ended_)),
          dropped_(std::move(other.dropped_)),
          pending_(std::exchange(other.pending_, false)) {}

    spawn_end& operator=(spawn_end&&) = delete;

    ~spawn_end() {
        if (pending_)
            dropped_();
    }

    cancellation_slot_type get_cancellation_slot() const noexcept { return slot_; }

    void operator()(const std::exception_ptr& error) {
        pending_ = false;
        ended_(error);
    }

private:
    cancellation_slot_type slot_;
    [[no_unique_address]] Ended ended_;
    Dropped dropped_;
    bool pending_ = true;
};

}  // namespace coserve
