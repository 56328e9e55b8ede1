// A child and all that it has started.
#pragma once

#include "child_cgroup.hpp"
#include "orphans.hpp"
#include "unique_fd.hpp"

#include <map>
#include <sys/types.h>

namespace coserve {

// By what all that a child starts is found: one of them, or neither.
struct child_place {
    child_cgroup cgroup{};
    orphans::mark mark{};
};

// In a cgroup of its own, or else found by their parents: a child keeps its orphans, as long as it
// lives (each is a subreaper); then this process adopts them, if it does, and tells them by their
// mark.
//
// Thread: on the child's core.
class process_tree {
public:
    process_tree(pid_t root, child_place) noexcept;
    process_tree(const process_tree&) = delete;
    process_tree& operator=(const process_tree&) = delete;
    ~process_tree();

    // To all that live.
    void signal(int) noexcept;
    // SIGKILL, to all that can be found now; what is forked meanwhile is found by the next call.
    void kill() noexcept;
    // The root is reaped: its number means nothing from here on, and what it leaves is looked for.
    void root_ended() noexcept;
    // Whether nothing lives. Reaps what is this process's to reap.
    bool empty() noexcept;

private:
    // Descriptors, because numbers are used again.
    using process_map = std::map<pid_t, unique_fd>;

    bool find() noexcept;
    bool lives(pid_t) const noexcept;
    bool add(pid_t, std::optional<pid_t> parent = {});
    void take_orphans();
    void take_members();
    void send(int) noexcept;
    void drop_ended() noexcept;
    bool be_gone() noexcept;

    pid_t root_;
    bool root_lives_ = true;
    child_place place_;
    process_map others_;
    bool missed_ = false;  // some, as there were no descriptors for them
};

}  // namespace coserve
