/// \file
/// What processes and threads take of the machine, by /proc (proc(5)).
#pragma once

#include <coserve/units.hpp>

#include <cstdint>
#include <optional>

#include <sys/types.h>

namespace coserve_bench {

/// Processor time of all its threads: exact where none of them runs, a few milliseconds behind
/// where one does. nullopt: there is no such process, or it may not be read. A thread that has
/// ended is no longer counted.
std::optional<coserve::duration> cpu_time_of(pid_t);

/// Of this process, ended threads included.
coserve::duration own_cpu_time() noexcept;

/// Memory of its own that is in RAM, in bytes; nullopt as above.
std::optional<std::uint64_t> memory_of(pid_t);

/// What a thread did with its time: it ran, and it waited for a processor that others had.
struct thread_use {
    coserve::duration ran{}, waited{};
};

/// Of a thread of this process. Zeros where it has ended.
thread_use use_of_thread(pid_t thread);

}  // namespace coserve_bench
