// Starts a process without copying the page tables of this one.
#pragma once

#include "unique_fd.hpp"

#include <coserve/subprocess.hpp>

#include <cstdint>
#include <sys/types.h>
#include <utility>

namespace coserve {

struct launch_descriptors {
    int input, output, errors;
};

// By what a child and all that it starts are found.
struct launch_place {
    int cgroup = -1;         // the directory's descriptor, the child begins in it; -1: none
    std::uint64_t mark = 0;  // of orphans; 0: none
};

// A child that nobody holds yet: SIGKILL, and reaped, where nobody comes to.
class launched {
public:
    launched() noexcept = default;
    launched(pid_t id, unique_fd process, std::uint64_t own_peak) noexcept
        : id_(id), process_(std::move(process)), own_peak_(own_peak) {}

    launched(launched&& other) noexcept
        : id_(std::exchange(other.id_, 0)),
          process_(std::move(other.process_)),
          own_peak_(other.own_peak_) {}

    launched& operator=(launched&&) = delete;
    ~launched();

    pid_t id() const noexcept { return id_; }

    unique_fd& process() noexcept { return process_; }  // pidfd

    // Of this process's memory, which the child shared at first, and which counts as its own.
    std::uint64_t own_peak() const noexcept { return own_peak_; }

    void release() noexcept { id_ = 0; }

private:
    pid_t id_ = 0;
    unique_fd process_;
    std::uint64_t own_peak_ = 0;
};

// Blocks until the child has executed its program; this thread alone. A child that becomes another
// user's can be stopped by that user's processes before: it is continued after 100 ms, again and
// again, and given up after 5 s.
//
// Errors: subprocess_error; there is no child then, and no zombie.
launched launch(const subprocess_options&, launch_descriptors, launch_place);

}  // namespace coserve
