// A child and all that it has started.
#pragma once

#include <sys/types.h>

namespace coserve {

// Thread: on the child's core.
class process_tree {
public:
    explicit process_tree(pid_t root) noexcept : root_(root) {}

    // To all that live.
    void signal(int) noexcept;
    // The root has ended and is reaped: its number means nothing from here on.
    void root_ended() noexcept;
    // Whether none lives. Reaps those that are this process's own to reap.
    bool empty() noexcept;

private:
    pid_t root_;
    bool root_lives_ = true, group_lives_ = true;
};

}  // namespace coserve
