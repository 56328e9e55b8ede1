#include "process_tree.hpp"

#include "pidfd.hpp"
#include "proc_files.hpp"

#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace coserve {

namespace {

// Each finds what was forked during the last, until all are stopped.
constexpr int most_passes = 50;

bool has_ended(const unique_fd& process) noexcept {
    pollfd p{process.get(), POLLIN, 0};
    return ::poll(&p, 1, 0) > 0;
}

void reap(const unique_fd& process) noexcept {
    siginfo_t info;
    ::waitid(P_PIDFD, static_cast<id_t>(process.get()), &info, WEXITED | WNOHANG);
}

}  // namespace

process_tree::process_tree(pid_t root, child_place place) noexcept
    : root_(root), place_(std::move(place)) {}

process_tree::~process_tree() {
    if (root_lives_)
        orphans::of_this_process().forget(root_);
}

void process_tree::signal(int number) noexcept {
    if (place_.cgroup)
        return place_.cgroup.signal(number);
    find();
    send(number);
}

void process_tree::kill() noexcept {
    if (place_.cgroup)
        return place_.cgroup.kill();
    for (int pass = 0; pass < most_passes && find(); ++pass)
        send(SIGSTOP);  // what is stopped forks no more
    send(SIGKILL);
}

void process_tree::send(int number) noexcept {
    for (const auto& [id, process] : others_)
        send_signal(process, number);
    if (!root_lives_)
        return;
    ::kill(-root_, number);  // its group, whatever was found
    ::kill(root_, number);
}

void process_tree::root_ended() noexcept {
    root_lives_ = false;
    orphans::of_this_process().forget(root_);
    if (place_.cgroup)
        return orphans::of_this_process().reap_ended();
    take_members();
    take_orphans();
}

void process_tree::take_members() {
    // Somebody of its session is left: as long as that is so, no other can have its number.
    if (::kill(-root_, 0) != 0 && errno != EPERM)
        return;
    for (const pid_t id : members_of_session(root_))
        add(id);
}

bool process_tree::empty() noexcept {
    if (root_lives_)
        return false;
    if (place_.cgroup) {
        const bool gone = place_.cgroup.empty();
        orphans::of_this_process().reap_ended();
        return gone;
    }
    if (others_.empty() && !missed_)
        return be_gone();
    missed_ = false;
    find();
    drop_ended();
    if (others_.empty())
        take_orphans();
    return others_.empty() && !missed_ && be_gone();
}

bool process_tree::be_gone() noexcept {
    place_.mark.release();
    return true;
}

// True: there are some that were not known.
bool process_tree::find() noexcept {
    const std::size_t before = others_.size();
    std::vector<pid_t> parents;
    if (root_lives_)
        parents.push_back(root_);
    else
        take_orphans();
    for (const auto& each : others_)
        parents.push_back(each.first);
    while (!parents.empty()) {
        const pid_t parent = parents.back();
        parents.pop_back();
        const std::vector<pid_t> children = children_of(parent);
        if (!lives(parent))  // else they may be the children of who has its number now
            continue;
        for (const pid_t child : children) {
            if (add(child, parent))
                parents.push_back(child);
        }
    }
    return others_.size() != before;
}

bool process_tree::lives(pid_t id) const noexcept {
    if (id == root_ && root_lives_)
        return true;
    const auto known = others_.find(id);
    return known != others_.end() && !has_ended(known->second);
}

// False: it is known, or gone.
bool process_tree::add(pid_t id, std::optional<pid_t> parent) {
    if (others_.contains(id))
        return false;
    unique_fd process = open_process(id);
    missed_ = missed_ || (!process && lacks_descriptors(errno));
    // All are in other sessions than this process, or the number is another's by now.
    const auto about = process ? stat_of(id) : std::nullopt;
    if (!about || (parent && about->parent != *parent) || ::getsid(id) == ::getsid(0))
        return false;
    return others_.emplace(id, std::move(process)).second;
}

void process_tree::take_orphans() {
    const auto taken = orphans::of_this_process().take(place_.mark);
    if (!taken) {
        missed_ = true;
        return;
    }
    for (const pid_t id : *taken) {
        if (unique_fd process = open_process(id)) {
            others_.emplace(id, std::move(process));
        } else {
            missed_ = true;
            orphans::of_this_process().forget(id);
        }
    }
}

void process_tree::drop_ended() noexcept {
    for (auto each = others_.begin(); each != others_.end();) {
        if (!has_ended(each->second)) {
            ++each;
            continue;
        }
        reap(each->second);
        orphans::of_this_process().forget(each->first);
        each = others_.erase(each);
    }
}

}  // namespace coserve
