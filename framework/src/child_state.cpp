#include "child_state.hpp"

#include "child_set.hpp"
#include "core.hpp"
#include "stored_handler.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <utility>

namespace coserve {

using namespace std::chrono_literals;

namespace {

// How often it is asked whether all that a stopped child has left behind is gone.
constexpr duration poll_interval = 20ms;

// A shell tells of a signal by this and its number.
constexpr int signal_code = 128;

// Whether it was this limit that ended it, or what it waited for.
bool reached(duration cpu_limit, const subprocess_exit& e) {
    const duration used = e.user_time + e.system_time;
    const int by = e.signal != 0 ? e.signal : e.code - signal_code;
    if (cpu_limit == duration::zero())
        return false;
    if (by == SIGXCPU)  // the kernel counts the ticks of its clock, and may tell it early
        return e.signal != 0 || used >= cpu_limit / 2;
    return by == SIGKILL && used >= cpu_limit;
}

}  // namespace

child_state::child_state(
    core& c, const subprocess_options& o, held_process process, child_place place, child_pipes pipes
)
    : core_(&c),
      process_(std::move(process)),
      tree_(process_.id(), std::move(place)),
      input_(c, *this, std::move(pipes.input)),
      outputs_{{{c, *this, std::move(pipes.output)}, {c, *this, std::move(pipes.errors)}}},
      started_(c.timers().now()),
      timeout_(o.timeout),
      grace_(o.grace),
      cpu_limit_(o.limits.cpu) {}

child_state::~child_state() {
    if (core_)
        core_->timers().forget(*this);
}

void child_state::start() {
    core_->readiness().add(process_.descriptor(), *this);
    if (timeout_ != duration::zero())
        core_->timers().arm(*this, core_->timers().after(timeout_));
}

// ---- its end

void child_state::on_ready(std::uint32_t) {
    const auto self = shared_from_this();
    if (reap())
        settle();
}

bool child_state::reap() noexcept {
    if (exit_ || !process_.has_ended())
        return false;
    core_->readiness().remove(process_.descriptor(), *this);
    exit_ = process_.reap();
    tree_.root_ended();
    exit_->elapsed = core_->timers().now() - started_;
    exit_->reason = reason_;
    if (reason_ == subprocess_end::itself && reached(cpu_limit_, *exit_))
        exit_->reason = subprocess_end::cpu_limit;
    tell_waiters(false);
    return true;
}

// The child itself has ended, or is being stopped: what is to be done about the rest?
void child_state::settle() noexcept {
    if (phase_ == phase::gone)
        return;
    if (exit_ && tree_.empty())
        return be_gone();
    if (phase_ == phase::running) {  // what it left behind is the handle's
        if (let_go_)
            terminate(subprocess_end::stopped, grace_);
        return;
    }
    const time_point now = core_->timers().now();
    const time_point poll = exit_ || phase_ == phase::killing ? now + poll_interval : never;
    core_->timers().arm(*this, std::min(poll, phase_ == phase::stopping ? kill_at_ : never));
}

void child_state::be_gone() noexcept {
    phase_ = phase::gone;
    core_->timers().forget(*this);
    tell_waiters(true);
    if (set_)
        set_->remove(*this);
}

void child_state::on_timer() noexcept {
    const auto self = shared_from_this();
    reap();
    if (phase_ == phase::running)
        return terminate(subprocess_end::timeout, grace_);
    if (phase_ == phase::killing || core_->timers().now() >= kill_at_)
        force();
    settle();
}

void child_state::terminate(subprocess_end reason, duration grace) noexcept {
    if (phase_ == phase::gone || phase_ == phase::killing)
        return;
    // The last of a cgroup may leave it a little after its end was told.
    if (phase_ == phase::running && exit_ && tree_.empty())
        return be_gone();
    const time_point now = core_->timers().now();
    const time_point until = grace >= grace_ ? core_->timers().after(grace_) : now + grace;
    if (phase_ == phase::running) {
        const auto self = shared_from_this();
        phase_ = phase::stopping;
        reason_ = reason;
        kill_at_ = until;
        if (grace > duration::zero())
            tree_.signal(SIGTERM);
        tree_.signal(SIGCONT);
        finish_pipes();
    }
    kill_at_ = std::min(kill_at_, until);
    if (kill_at_ <= now)
        force();
    settle();
}

void child_state::force() noexcept {
    phase_ = phase::killing;
    tree_.kill();
}

void child_state::signal(int number) {
    if (!exit_ && ::kill(-process_.id(), number) != 0 && errno != ESRCH)
        throw system_error(errno, boost::system::system_category(), "kill");
}

void child_state::let_go() noexcept {
    let_go_ = true;
    if (!core_)
        return;
    if (phase_ == phase::running)
        terminate(subprocess_end::stopped, grace_);
    for (output_pipe& p : outputs_)
        p.close();
    wake_at_pipes();
    core_->children().bury(shared_from_this());
}

// ---- those who wait for it

void child_state::waiter::on_timer() noexcept {
    child.end_waiter(*this, {});
}

task<> child_state::end_of(bool whole_tree, duration limit) {
    auto start = [=, this](handler h) { await_end(whole_tree, limit, std::move(h)); };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void(error_code)>(
        start, asio::use_awaitable
    );
}

void child_state::await_end(bool whole_tree, duration limit, handler h) {
    if (!core_)
        return;
    waiter& w = waiters_.emplace_back(*this, std::move(h), whole_tree);
    w.self = std::prev(waiters_.end());
    if (limit != duration::max())
        core_->timers().arm(w, core_->timers().after(limit));
    on_cancel(w.complete, [this, &w] { end_waiter(w, asio::error::operation_aborted); });
}

void child_state::end_waiter(waiter& w, error_code error) noexcept {
    core_->timers().forget(w);
    post_completion(core_->context(), release_handler(w.complete), error);
    waiters_.erase(w.self);
}

void child_state::tell_waiters(bool whole_tree) noexcept {
    for (auto w = waiters_.begin(); w != waiters_.end();) {
        waiter& each = *w++;
        if (each.whole_tree == whole_tree)
            end_waiter(each, {});
    }
}

task<std::optional<subprocess_exit>> child_state::wait(self_type self, duration limit) {
    if (!self->exit_)
        co_await self->end_of(false, limit);
    co_return self->exit_;
}

task<> child_state::gone(self_type self) {
    if (self->phase_ != phase::gone)
        co_await self->end_of(true, duration::max());
}

// ---- the core's end

// They own the coroutines that may own this.
void child_state::drop_waiting() noexcept {
    const auto self = shared_from_this();
    const auto at_pipes = std::exchange(at_pipes_, {});
    const auto waiters = std::exchange(waiters_, {});
}

duration child_state::begin_shutdown() noexcept {
    set_ = nullptr;
    shutdown_grace_ =
        phase_ == phase::stopping ? kill_at_ - core_->timers().now() : duration::zero();
    return shutdown_grace_;
}

bool child_state::advance_shutdown(duration passed) noexcept {
    if (!core_)
        return true;
    reap();
    if (phase_ == phase::killing || passed >= shutdown_grace_)
        force();
    if (!exit_ || !tree_.empty())
        return false;
    leave();
    return true;
}

void child_state::leave() noexcept {
    phase_ = phase::gone;
    core_->timers().forget(*this);
    for (waiter& w : waiters_)
        core_->timers().forget(w);
    input_.leave();
    for (output_pipe& p : outputs_)
        p.leave();
    core_ = nullptr;
}

}  // namespace coserve
