// Without the part of Boost.Filesystem that has to be linked. The one file that includes it.
#define BOOST_PROCESS_USE_STD_FS
#include <boost/process/v2.hpp>

#include "held_process.hpp"

#include <cerrno>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace coserve {

namespace {

using process = boost::process::v2::basic_process<executor>;

duration time_of(const timeval& t) {
    return std::chrono::seconds(t.tv_sec) + std::chrono::microseconds(t.tv_usec);
}

}  // namespace

struct held_process::implementation {
    process child;
};

held_process::held_process(executor e, pid_t id, unique_fd descriptor, std::uint64_t own_peak)
    : held_(std::make_unique<implementation>(process(e, id, descriptor.get()))),
      id_(id),
      descriptor_(descriptor.release()),
      own_peak_(own_peak) {}

held_process::held_process(held_process&&) noexcept = default;
held_process& held_process::operator=(held_process&&) noexcept = default;
held_process::~held_process() = default;

bool held_process::has_ended() noexcept {
    siginfo_t info{};
    rusage use{};
    // libc's does not tell what was used, and Boost.Process reaps without asking.
    const long found =
        ::syscall(SYS_waitid, P_PIDFD, descriptor_, &info, WEXITED | WNOHANG | WNOWAIT, &use);
    if (found == 0 && info.si_pid == 0)
        return false;
    reaped_elsewhere_ = found != 0;
    use_.user_time = time_of(use.ru_utime);
    use_.system_time = time_of(use.ru_stime);
    // The kernel takes what a child had before its exec into account: this process's.
    const std::uint64_t peak = static_cast<std::uint64_t>(use.ru_maxrss) << 10;
    use_.peak_memory = peak > own_peak_ ? peak : 0;
    return true;
}

subprocess_exit held_process::reap() noexcept {
    subprocess_exit e = use_;
    error_code failed;
    if (!reaped_elsewhere_ && !held_->child.running(failed) && !failed) {
        const int status = held_->child.native_exit_code();
        e.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
        e.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        e.core_dumped = WIFSIGNALED(status) && WCOREDUMP(status);
    }
    held_->child.detach();  // its number may be another's from here on
    held_.reset();
    return e;
}

}  // namespace coserve
