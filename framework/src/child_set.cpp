#include "child_set.hpp"

#include "child_state.hpp"
#include "proc_files.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace coserve {

using namespace std::chrono_literals;

namespace {

// What SIGKILL does not end sooner, because it hangs in the kernel, is left to whom this process
// leaves its children to.
constexpr auto longest_death = 5s;

// Of waiting for a disk or a network; on busy processors a thread more does no good.
constexpr duration slow_launch = 10ms;
constexpr auto slow_time = 1s;

}  // namespace

child_set::~child_set() = default;

void child_set::add(const std::shared_ptr<child_state>& c) {
    c->place_ = running_.insert(running_.end(), c);
    c->set_ = this;
}

void child_set::remove(child_state& c) noexcept {
    c.set_ = nullptr;
    bury(std::move(*c.place_));
    running_.erase(c.place_);
}

void child_set::bury(std::shared_ptr<child_state> c) noexcept {
    if (buried_.empty())
        core_.at_turn_end(*this);
    buried_.push_back(std::move(c));
}

void child_set::on_turn_end() noexcept {
    const auto freed = std::exchange(buried_, {});
}

bool child_set::launches_are_slow() const noexcept {
    return std::chrono::steady_clock::now() < slow_until_;
}

void child_set::launch_took(duration time, pid_t child) {
    if (time > slow_launch && time - processor_wait_of(child) > slow_launch)
        slow_until_ = std::chrono::steady_clock::now() + slow_time;
}

void child_set::stop_all(subprocess_end reason, duration grace) noexcept {
    const auto all = running_;  // what ends at once leaves it
    for (const auto& c : all)
        c->terminate(reason, std::min(grace, c->grace()));
}

void child_set::end_all(duration grace) noexcept {
    stop_all(subprocess_end::drain, grace);
    auto all = running_;
    duration longest{};
    for (const auto& c : all)
        longest = std::max(longest, c->begin_shutdown());
    const auto begin = std::chrono::steady_clock::now();
    for (;;) {
        const duration passed = std::chrono::steady_clock::now() - begin;
        std::erase_if(all, [passed](const auto& c) { return c->advance_shutdown(passed); });
        if (all.empty() || passed > longest + longest_death)
            break;
        std::this_thread::sleep_for(1ms);
    }
    for (const auto& c : all)
        c->leave();
}

void child_set::shutdown() noexcept {
    end_all(duration::max());
    // Those who still wait own the coroutines that may own this.
    for (const auto& c : std::exchange(running_, {}))
        c->drop_waiting();
    buried_.clear();
}

}  // namespace coserve
