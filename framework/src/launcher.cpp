#include "launcher.hpp"

#include "launch_limits.hpp"
#include "launch_plan.hpp"
#include "orphans.hpp"
#include "vfork.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <utility>
#include <vector>

namespace coserve {

namespace {

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
    const launch_limits limits(o.limits, place.mark);
    const std::vector<char*> arguments = pointers(o.arguments);
    const std::vector<char*> environment = pointers(o.environment);
    orphans::launching known(orphans::of_this_process());
    launch_plan p{
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
