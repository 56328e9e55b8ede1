#include "orphans.hpp"

#include "proc_files.hpp"

#include <coserve/error.hpp>

#include <algorithm>
#include <cerrno>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coserve {

orphans& orphans::of_this_process() {
    static orphans one;
    // A container's first process is given them unasked.
    static const bool first_process = [] {
        one.active_ = ::getpid() == 1;
        return one.active_.load();
    }();
    static_cast<void>(first_process);
    return one;
}

void orphans::adopt_from_now_on() {
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
        throw system_error(errno, boost::system::system_category(), "PR_SET_CHILD_SUBREAPER");
    active_ = true;
}

orphans::launching::launching(orphans& all) : all_(all) {
    const std::scoped_lock lock(all_.mutex_);
    id_ = all_.launching_.emplace(all_.launching_.end(), 0);
}

orphans::launching::~launching() {
    const std::scoped_lock lock(all_.mutex_);
    if (*id_ != 0)
        all_.known_.insert(*id_);
    all_.launching_.erase(id_);
}

void orphans::forget(pid_t id) {
    const std::scoped_lock lock(mutex_);
    known_.erase(id);
}

bool orphans::is_known(pid_t id) {
    const auto is_it = [id](pid_t& each) { return std::atomic_ref(each).load() == id; };
    return known_.contains(id) || std::ranges::any_of(launching_, is_it);
}

// With the mutex held, after the children were read: who is reaped meanwhile is no child any more.
bool orphans::is_orphan(pid_t id) {
    // Ours begin a session, and nobody comes back from one: the rest are the host's.
    if (is_known(id) || ::getsid(id) == ::getsid(0))
        return false;
    const auto now = stat_of(id);
    return now && now->parent == ::getpid();
}

std::vector<pid_t> orphans::take() {
    if (!adopted())
        return {};
    std::vector<pid_t> all = own_first_children();
    const std::scoped_lock lock(mutex_);
    std::erase_if(all, [this](pid_t id) { return !is_orphan(id); });
    known_.insert(all.begin(), all.end());
    return all;
}

void orphans::reap_ended() {
    if (!adopted())
        return;
    const std::vector<pid_t> all = own_first_children();
    const std::scoped_lock lock(mutex_);
    for (const pid_t id : all) {
        if (is_orphan(id))
            ::waitpid(id, nullptr, WNOHANG);
    }
}

}  // namespace coserve
