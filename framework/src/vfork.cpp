#include "vfork.hpp"

#include "launch_plan.hpp"

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>

namespace coserve {

namespace {

#ifdef __x86_64__

// Sets no errno, which is the child's, too.
COSERVE_BARE long bare_call(long number, long a, long b, long c, long d) {
    long result = number;
    register long fourth asm("r10") = d;
    asm volatile("syscall"
                 : "+a"(result)
                 : "D"(a), "S"(b), "d"(c), "r"(fourth)
                 : "rcx", "r11", "memory");
    return result;
}

// This thread goes on beside a child that may be stopped, and waits in steps.
constexpr bool can_wait_in_steps = true;

COSERVE_BARE bool shares_memory(const launch_plan& p) {
    return __atomic_load_n(&p.shares_memory, __ATOMIC_ACQUIRE) != 0;
}

// One SIGCONT is not enough where another process stops the child again and again: a stop that
// comes while the child wakes is taken back by the next SIGCONT alone.
COSERVE_BARE void go_on(const launch_plan& p, int pidfd) {
    constexpr int burst = 1000;
    for (int i = 0; i < burst && shares_memory(p); ++i)
        bare_call(SYS_pidfd_send_signal, pidfd, SIGCONT, 0, 0);
}

COSERVE_BARE void await_exec(launch_plan& p, int pidfd) {
    constexpr int most_steps = 50;
    const timespec step{0, 100'000'000};
    for (int steps = 0; shares_memory(p); ++steps) {
        if (steps == most_steps) {
            p.error = ETIMEDOUT;
            bare_call(SYS_pidfd_send_signal, pidfd, SIGKILL, 0, 0);
        } else if (steps != 0) {
            go_on(p, pidfd);
        }
        bare_call(
            SYS_futex,
            reinterpret_cast<long>(&p.shares_memory),
            FUTEX_WAIT,
            1,
            reinterpret_cast<long>(&step)
        );
    }
}

// libc has no clone3() for others than itself. The child calls on a stack of its own, and never
// comes back.
COSERVE_BARE long clone3(clone_args& how, int (*run)(void*), launch_plan& p) {
    long result = SYS_clone3;
    asm volatile("syscall\n\t"
                 "test %%rax, %%rax\n\t"
                 "jnz 1f\n\t"
                 "xor %%ebp, %%ebp\n\t"
                 "mov %%rdx, %%rdi\n\t"
                 "call *%%rbx\n\t"
                 "hlt\n"
                 "1:"
                 : "+a"(result)
                 : "D"(&how), "S"(sizeof how), "d"(&p), "b"(run)
                 : "rcx", "r11", "cc", "memory");
    return result;
}

COSERVE_BARE pid_t
clone_into(int cgroup, int flags, std::byte* stack, std::size_t size, launch_plan& p, int& pidfd) {
    clone_args how{};
    how.flags = static_cast<unsigned>(flags);
    how.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
    how.child_tid = reinterpret_cast<std::uintptr_t>(&p.shares_memory);
    how.exit_signal = SIGCHLD;
    how.stack = reinterpret_cast<std::uintptr_t>(stack);
    how.stack_size = size;
    if (cgroup >= 0) {
        how.flags |= CLONE_INTO_CGROUP;
        how.cgroup = static_cast<std::uint64_t>(cgroup);
    }
    const long id = clone3(how, &carry_out, p);
    if (id < 0)
        errno = static_cast<int>(-id);
    return id < 0 ? -1 : static_cast<pid_t>(id);
}

#else

constexpr bool can_wait_in_steps = false;

void await_exec(launch_plan&, int) {}

COSERVE_BARE pid_t clone_into(int, int, std::byte*, std::size_t, launch_plan&, int&) {
    errno = ENOSYS;
    return -1;
}

#endif

}  // namespace

// The child's stack is a part of this function's own, which waits for it.
COSERVE_BARE pid_t vfork_on_own_stack(launch_plan& p, int cgroup, int& pidfd) {
    alignas(64) std::byte stack[16 << 10];
    const bool in_steps = can_wait_in_steps && p.user;
    const int flags = CLONE_VM | CLONE_PIDFD | (in_steps ? CLONE_CHILD_CLEARTID : CLONE_VFORK);
    pid_t id = clone_into(cgroup, flags, stack, sizeof stack, p, pidfd);
    // Only where the kernel, or a container, has no clone3(): ThreadSanitizer takes clone() for a
    // fork, and marks the memory that is this thread's, too.
    if (id < 0 && errno == ENOSYS && cgroup < 0)
        id = ::clone(
            &carry_out, stack + sizeof stack, flags | SIGCHLD, &p, &pidfd, nullptr, &p.shares_memory
        );
    if (in_steps && id > 0)
        await_exec(p, pidfd);
    return id;
}

}  // namespace coserve
