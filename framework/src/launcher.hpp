// Starts a process without copying the page tables of this one.
#pragma once

#include "unique_fd.hpp"

#include <coserve/subprocess.hpp>

#include <sys/types.h>

namespace coserve {

struct launch_descriptors {
    int input, output, errors;
};

struct launched {
    pid_t id;
    unique_fd process;  // pidfd
};

// Blocks until the child has executed its program; this thread alone.
//
// `cgroup`: the directory's descriptor, the child begins in it; -1: in this process's.
// Errors: subprocess_error; there is no child then, and no zombie.
launched launch(const subprocess_options&, launch_descriptors, int cgroup = -1);

}  // namespace coserve
