// What a child does between its beginning and its program, told before by its parent.
#pragma once

#include "launch_limits.hpp"
#include "launcher.hpp"

#include <coserve/subprocess.hpp>

#include <cstddef>
#include <cstdint>
#include <sys/types.h>

// The child runs on this process's memory until it executes its program, with a thread of ours
// suspended: nothing there may be instrumented, and nothing may be called but the kernel.
#if defined(__clang__)
#    define COSERVE_BARE __attribute__((no_sanitize("address", "thread", "undefined"), noinline))
#else
#    define COSERVE_BARE                                                                           \
        __attribute__((no_sanitize_address, no_sanitize_thread, no_sanitize_undefined, noinline))
#endif

namespace coserve {

// All that the child needs, made before it is.
struct launch_plan {
    const char* program;
    int program_descriptor;
    char* const* arguments;
    char* const* environment;
    const char* directory;  // null: stay
    launch_descriptors descriptors;
    const launch_limit* limits;
    std::size_t limit_count;
    const subprocess_user* user;  // null: stay
    bool new_privileges;
    bool keeps_orphans;  // in its life
    pid_t* id;           // to be written atomically

    // What it answers.
    launch_step step = launch_step::resources;
    int error = 0;
    std::uint32_t shares_memory = 1;  // 0, by the kernel, once it has executed its program
};

// In the child; never returns.
int carry_out(void* launch_plan);

}  // namespace coserve
