// A child on this process's memory, until it executes its program.
#pragma once

#include <sys/types.h>

namespace coserve {

struct launch_plan;

// It carries out the plan, beginning in that cgroup (its directory's descriptor; -1: this one).
// Returns when it has executed its program or ended; until then all signals are to be blocked.
// -1 and errno: there is none.
pid_t vfork_on_own_stack(launch_plan&, int cgroup, int& pidfd);

}  // namespace coserve
