// What /proc tells of other processes.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace coserve {

struct process_stat {
    pid_t parent, session;
    bool zombie;
};

// nullopt: there is no such process.
std::optional<process_stat> stat_of(pid_t) noexcept;

// Of all its threads; none of a process that has ended.
std::vector<pid_t> children_of(pid_t);
// This process's, as far as its first thread has them: that one is given the orphans. nullopt: it
// has no descriptor left to ask with.
std::optional<std::vector<pid_t>> own_first_children();
// Of all processes, those of that session.
std::vector<pid_t> members_of_session(pid_t);
// How long it has waited for a processor so far; 0: not known.
std::chrono::nanoseconds processor_wait_of(pid_t);
// Its path in the hierarchy of version 2, as this process sees it; empty: there is none.
std::string cgroup_of(pid_t);

}  // namespace coserve
