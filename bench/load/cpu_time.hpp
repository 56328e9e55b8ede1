/// \file
/// How much processor time a process has used.
#pragma once

#include <coserve/units.hpp>

#include <optional>

#include <sys/types.h>

namespace coserve_bench {

/// Of all its threads, from /proc/PID/task/*/schedstat (proc(5)): exact where none of them runs, a
/// few milliseconds behind where one does. nullopt: there is no such process, or it may not be
/// read. A thread that has ended is no longer counted.
std::optional<coserve::duration> cpu_time_of(pid_t);

/// Of this process, ended threads included.
coserve::duration own_cpu_time() noexcept;

}  // namespace coserve_bench
