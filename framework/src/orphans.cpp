#include "orphans.hpp"

#include "proc_files.hpp"

#include <coserve/error.hpp>

#include <algorithm>
#include <cerrno>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coserve {

namespace {

// Microseconds of a realtime process's time: 146 000 years, and 12 days.
constexpr std::uint64_t highest_mark = std::uint64_t{1} << 62, lowest_mark = std::uint64_t{1} << 40;

// Between two marks: for those that a command which is such a server itself gives to its own.
constexpr std::uint64_t room_for_servers = std::uint64_t{1} << 20;

// Also of a zombie. 0: not to be had.
std::uint64_t mark_of(pid_t id) noexcept {
    rlimit l{};
    return ::prlimit(id, RLIMIT_RTTIME, nullptr, &l) == 0 ? l.rlim_max : 0;
}

}  // namespace

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

void orphans::mark::release() noexcept {
    if (!all_)
        return;
    const std::scoped_lock lock(all_->mutex_);
    all_->marks_.erase(all_->marks_.find(limit_));
    all_ = nullptr;
}

// Each is lower than the last, so that they can be set below those of a server that this one is a
// command of.
orphans::mark orphans::make_mark() {
    if (!adopted())
        return {};
    const std::scoped_lock lock(mutex_);
    if (last_mark_ == 0) {
        const std::uint64_t own = mark_of(::getpid());
        last_mark_ = std::min(own, highest_mark);
        step_ = own < highest_mark ? 1 : room_for_servers;
    }
    if (last_mark_ > lowest_mark)
        last_mark_ -= step_;
    const std::uint64_t limit = last_mark_ > lowest_mark ? last_mark_ : 0;
    marks_.insert(limit);
    return {*this, limit};
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

// With the mutex held, of an orphan.
bool orphans::belongs_to(const mark& m, pid_t id) {
    const std::uint64_t found = mark_of(id);
    if (found != 0 && marks_.contains(found))
        return found == m.limit();
    const bool is_last = marks_.size() == (m ? 1 : 0);
    if (!is_last)
        ::waitpid(id, nullptr, WNOHANG);  // of its end nobody else hears
    return is_last;
}

std::optional<std::vector<pid_t>> orphans::take(const mark& m) {
    if (!adopted())
        return std::vector<pid_t>();
    std::optional<std::vector<pid_t>> all = own_first_children();
    if (!all)
        return all;
    const std::scoped_lock lock(mutex_);
    std::erase_if(*all, [&](pid_t id) { return !is_orphan(id) || !belongs_to(m, id); });
    known_.insert(all->begin(), all->end());
    return all;
}

void orphans::reap_ended() {
    if (!adopted())
        return;
    const auto all = own_first_children();
    if (!all)
        return;
    const std::scoped_lock lock(mutex_);
    for (const pid_t id : *all) {
        if (is_orphan(id))
            ::waitpid(id, nullptr, WNOHANG);
    }
}

}  // namespace coserve
