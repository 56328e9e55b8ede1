#include "launcher.hpp"

#include "orphans.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// The child runs on this process's memory until it executes its program, with a thread of ours
// suspended: nothing there may be instrumented, and nothing may be called but the kernel.
#if defined(__clang__)
#    define COSERVE_BARE __attribute__((no_sanitize("address", "thread", "undefined"), noinline))
#else
#    define COSERVE_BARE                                                                           \
        __attribute__((no_sanitize_address, no_sanitize_thread, no_sanitize_undefined, noinline))
#endif

namespace coserve {

namespace {

struct limit {
    int resource;
    rlimit value;
};

// The kernel's own, which differs from libc's.
struct kernel_sigaction {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    std::uint64_t mask;
};

constexpr int last_signal = 64;

// As this process began: a server may have more descriptors than its commands expect, some of which
// use select().
rlim_t descriptors_now() noexcept {
    rlimit now{};
    ::getrlimit(RLIMIT_NOFILE, &now);
    return now.rlim_cur;
}

const rlim_t first_descriptors = descriptors_now();

// All that the child needs, made before it is.
struct plan {
    const char* program;
    int program_descriptor;
    char* const* arguments;
    char* const* environment;
    const char* directory;  // null: stay
    launch_descriptors descriptors;
    const limit* limits;
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

// ---- in the child

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

COSERVE_BARE bool set_limits(const plan& p) {
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

COSERVE_BARE bool prepare(plan& p) {
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

COSERVE_BARE int run_child(void* argument) {
    plan& p = *static_cast<plan*>(argument);
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

// ---- in the parent

class blocked_signals {
public:
    blocked_signals() noexcept {
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }

    blocked_signals(const blocked_signals&) = delete;
    blocked_signals& operator=(const blocked_signals&) = delete;

    ~blocked_signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_;
};

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

COSERVE_BARE bool shares_memory(const plan& p) {
    return __atomic_load_n(&p.shares_memory, __ATOMIC_ACQUIRE) != 0;
}

// One SIGCONT is not enough where another process stops the child again and again: a stop that
// comes while the child wakes is taken back by the next SIGCONT alone.
COSERVE_BARE void go_on(const plan& p, int pidfd) {
    constexpr int burst = 1000;
    for (int i = 0; i < burst && shares_memory(p); ++i)
        bare_call(SYS_pidfd_send_signal, pidfd, SIGCONT, 0, 0);
}

COSERVE_BARE void await_exec(plan& p, int pidfd) {
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
COSERVE_BARE long clone3(clone_args& how, int (*run)(void*), plan& p) {
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
clone_into(int cgroup, int flags, std::byte* stack, std::size_t size, plan& p, int& pidfd) {
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
    const long id = clone3(how, &run_child, p);
    if (id < 0)
        errno = static_cast<int>(-id);
    return id < 0 ? -1 : static_cast<pid_t>(id);
}

#else

constexpr bool can_wait_in_steps = false;

void await_exec(plan&, int) {}

COSERVE_BARE pid_t clone_into(int, int, std::byte*, std::size_t, plan&, int&) {
    errno = ENOSYS;
    return -1;
}

#endif

// The child's stack is a part of this function's own, which waits for it.
COSERVE_BARE pid_t vfork_on_own_stack(plan& p, int cgroup, int& pidfd) {
    alignas(64) std::byte stack[16 << 10];
    const bool in_steps = can_wait_in_steps && p.user;
    const int flags = CLONE_VM | CLONE_PIDFD | (in_steps ? CLONE_CHILD_CLEARTID : CLONE_VFORK);
    pid_t id = clone_into(cgroup, flags, stack, sizeof stack, p, pidfd);
    // Only where the kernel, or a container, has no clone3(): ThreadSanitizer takes clone() for a
    // fork, and marks the memory that is this thread's, too.
    if (id < 0 && errno == ENOSYS && cgroup < 0)
        id = ::clone(
            &run_child, stack + sizeof stack, flags | SIGCHLD, &p, &pidfd, nullptr, &p.shares_memory
        );
    if (in_steps && id > 0)
        await_exec(p, pidfd);
    return id;
}

rlim_t whole_seconds(duration d) {
    return static_cast<rlim_t>(std::chrono::ceil<std::chrono::seconds>(d).count());
}

class limit_list {
public:
    limit_list(const subprocess_limits& l, std::uint64_t mark) {
        add(RLIMIT_CORE, l.core);
        if (l.cpu != duration::zero()) {
            const rlim_t seconds = whole_seconds(l.cpu);
            items_[count_++] = {RLIMIT_CPU, {seconds, seconds + 1}};
        }
        add_if(RLIMIT_AS, l.memory);
        add_if(RLIMIT_FSIZE, l.file);
        add_if(RLIMIT_NPROC, l.processes);
        add_if(RLIMIT_NOFILE, l.descriptors);
        if (l.descriptors == 0)
            restore_descriptors();
        if (mark != 0)
            add_mark(mark);
    }

    const limit* data() const noexcept { return items_.data(); }

    std::size_t size() const noexcept { return count_; }

private:
    void add(int resource, std::uint64_t value) { items_[count_++] = {resource, {value, value}}; }

    void add_if(int resource, std::uint64_t value) {
        if (value != 0)
            add(resource, value);
    }

    void restore_descriptors() {
        rlimit now{};
        ::getrlimit(RLIMIT_NOFILE, &now);
        if (now.rlim_cur > first_descriptors)
            items_[count_++] = {RLIMIT_NOFILE, {first_descriptors, now.rlim_max}};
    }

    void add_mark(std::uint64_t mark) {
        rlimit now{};
        ::getrlimit(RLIMIT_RTTIME, &now);
        items_[count_++] = {RLIMIT_RTTIME, {std::min(now.rlim_cur, mark), mark}};
    }

    std::array<limit, 7> items_{};
    std::size_t count_ = 0;
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> all;
    all.reserve(texts.size() + 1);
    for (const std::string& t : texts)
        all.push_back(const_cast<char*>(t.c_str()));
    all.push_back(nullptr);
    return all;
}

std::uint64_t own_peak() noexcept {
    rusage use{};
    ::getrusage(RUSAGE_SELF, &use);
    return static_cast<std::uint64_t>(use.ru_maxrss) << 10;
}

std::string subject_of(const subprocess_options& o, launch_step step) {
    switch (step) {
    case launch_step::execute:
        return o.program;
    case launch_step::directory:
        return o.directory;
    default:
        return {};
    }
}

}  // namespace

launched::~launched() {
    if (id_ == 0)
        return;
    ::kill(-id_, SIGKILL);
    while (::waitpid(id_, nullptr, 0) < 0 && errno == EINTR) {
    }
    orphans::of_this_process().forget(id_);
}

launched launch(const subprocess_options& o, launch_descriptors descriptors, launch_place place) {
    const limit_list limits(o.limits, place.mark);
    const std::vector<char*> arguments = pointers(o.arguments);
    const std::vector<char*> environment = pointers(o.environment);
    orphans::launching known(orphans::of_this_process());
    plan p{
        .program = o.program.c_str(),
        .program_descriptor = o.program_descriptor,
        .arguments = arguments.data(),
        .environment = environment.data(),
        .directory = o.directory.empty() ? nullptr : o.directory.c_str(),
        .descriptors = descriptors,
        .limits = limits.data(),
        .limit_count = limits.size(),
        .user = o.user ? &*o.user : nullptr,
        .new_privileges = o.new_privileges,
        .keeps_orphans = place.cgroup < 0,
        .id = &known.id(),
    };
    int pidfd = -1;
    pid_t id;
    int error;
    {
        const blocked_signals quiet;
        id = vfork_on_own_stack(p, place.cgroup, pidfd);
        error = errno;
    }
    if (id < 0)
        throw subprocess_error(launch_step::resources, error, "clone");
    launched child(id, unique_fd(pidfd), own_peak());
    if (p.error != 0) {
        {
            const launched reaped = std::move(child);
        }
        // Another process may have its number from here on.
        std::atomic_ref(known.id()).store(0);
        throw subprocess_error(p.step, p.error, subject_of(o, p.step));
    }
    return child;
}

}  // namespace coserve
