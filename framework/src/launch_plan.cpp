#include "launch_plan.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace coserve {

namespace {

// The kernel's own, which differs from libc's.
struct kernel_sigaction {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    std::uint64_t mask;
};

constexpr int last_signal = 64;

// libc's syscall() alone is used: it is the bare instruction, and sets errno, which is this
// thread's.
template <class... A>
COSERVE_BARE bool call(long number, A... arguments) {
    return ::syscall(number, arguments...) >= 0;
}

COSERVE_BARE void reset_signals() {
    const kernel_sigaction standard{};
    for (int s = 1; s <= last_signal; ++s)
        ::syscall(SYS_rt_sigaction, s, &standard, nullptr, sizeof standard.mask);
}

COSERVE_BARE bool set_descriptors(const launch_descriptors& d) {
    // Each is 3 or more, so that none is overwritten before its turn.
    return call(SYS_dup3, d.input, 0, 0) && call(SYS_dup3, d.output, 1, 0) &&
           call(SYS_dup3, d.errors, 2, 0) &&
           // Closed by exec itself, when this process goes on already.
           call(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
}

COSERVE_BARE bool set_limits(const launch_plan& p) {
    for (std::size_t i = 0; i < p.limit_count; ++i)
        if (!call(SYS_prlimit64, 0, p.limits[i].resource, &p.limits[i].value, nullptr))
            return false;
    return true;
}

// libc's functions would tell every thread of this process.
COSERVE_BARE bool set_user(const subprocess_user& u) {
    return call(SYS_setgroups, u.groups.size(), u.groups.data()) &&
           call(SYS_setresgid, u.group, u.group, u.group) && call(SYS_setresuid, u.id, u.id, u.id);
}

COSERVE_BARE bool prepare(launch_plan& p) {
    // Before it leaves the session: by then this process must know it from an orphan.
    __atomic_store_n(p.id, static_cast<pid_t>(::syscall(SYS_getpid)), __ATOMIC_SEQ_CST);
    reset_signals();
    p.step = launch_step::resources;
    // What it starts stays below it as long as it lives, so that it can be found.
    if (p.keeps_orphans && !call(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
        return false;
    if (!call(SYS_setsid) || !set_descriptors(p.descriptors))
        return false;
    p.step = launch_step::limits;
    if (!set_limits(p))
        return false;
    p.step = launch_step::user;
    if (p.user && !set_user(*p.user))
        return false;
    if (!p.new_privileges && !call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return false;
    p.step = launch_step::directory;
    if (p.directory && !call(SYS_chdir, p.directory))
        return false;
    p.step = launch_step::execute;
    const std::uint64_t none = 0;
    return call(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof none);
}

}  // namespace

COSERVE_BARE int carry_out(void* argument) {
    launch_plan& p = *static_cast<launch_plan*>(argument);
    if (prepare(p)) {
        if (p.program_descriptor >= 0)
            ::syscall(
                SYS_execveat, p.program_descriptor, "", p.arguments, p.environment, AT_EMPTY_PATH
            );
        else
            ::syscall(SYS_execve, p.program, p.arguments, p.environment);
    }
    p.error = errno;
    ::syscall(SYS_exit_group, 127);
    __builtin_unreachable();
}

}  // namespace coserve
