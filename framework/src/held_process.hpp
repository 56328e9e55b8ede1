// A child of this process, as Boost.Process holds one.
#pragma once

#include "unique_fd.hpp"

#include <coserve/io.hpp>
#include <coserve/subprocess.hpp>

#include <cstdint>
#include <memory>
#include <sys/types.h>

namespace coserve {

class held_process {
public:
    // Owns the process until it is reaped: whoever destroys it before kills it, and blocks.
    //
    // `own_peak`: the memory that it shared with this process at first, in bytes.
    held_process(executor, pid_t, unique_fd process, std::uint64_t own_peak);
    held_process(held_process&&) noexcept;
    held_process& operator=(held_process&&) noexcept;
    ~held_process();

    pid_t id() const noexcept { return id_; }

    int descriptor() const noexcept { return descriptor_; }

    // Whether it waits to be reaped.
    bool has_ended() noexcept;
    // How it ended, once, after that. Closes its descriptor. Of a process that somebody else has
    // reaped (or the kernel, where the host ignores SIGCHLD) nothing is known.
    subprocess_exit reap() noexcept;

private:
    struct implementation;

    std::unique_ptr<implementation> held_;  // null after the reap
    pid_t id_;
    int descriptor_;
    std::uint64_t own_peak_;
    subprocess_exit use_;
    bool reaped_elsewhere_ = false;
};

}  // namespace coserve
