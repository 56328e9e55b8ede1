// The children of one core, until each of them and all that it started is gone.
#pragma once

#include "core.hpp"

#include <coserve/subprocess.hpp>

#include <chrono>
#include <list>
#include <memory>
#include <sys/types.h>
#include <vector>

namespace coserve {

class child_state;

// Thread: on its core.
class child_set final : turn_end {
public:
    explicit child_set(core& c) noexcept : core_(c) {}

    ~child_set();

    void add(const std::shared_ptr<child_state>&);
    // Its tree is gone.
    void remove(child_state&) noexcept;
    // Frees it at the end of this turn: it may be in the midst of one of its own functions.
    void bury(std::shared_ptr<child_state>) noexcept;

    // A launch stops the thread it is made on until the program is executed: some 100 us, but
    // longer where its file is slow to come, or the processors are busy. After one that waited for
    // its file, the launches of the next second are made on blocking threads.
    bool launches_are_slow() const noexcept;
    // `child`: 0 where that is not known.
    void launch_took(duration, pid_t child);

    std::size_t size() const noexcept { return running_.size(); }

    // Begins to stop all of them; a grace that runs already is not made longer.
    void stop_all(subprocess_end, duration grace) noexcept;

    // The loop runs no more: stops what still runs, waits for it, and blocks for that long: at most
    // `grace` and what SIGKILL takes.
    void end_all(duration grace) noexcept;
    // The context ends.
    void shutdown() noexcept;

private:
    void on_turn_end() noexcept override;

    core& core_;
    std::list<std::shared_ptr<child_state>> running_;
    std::vector<std::shared_ptr<child_state>> buried_;
    std::chrono::steady_clock::time_point slow_until_{};
};

}  // namespace coserve
