#include "core.hpp"

#include "blocking_threads.hpp"
#include "child_set.hpp"

#include <coserve/task.hpp>

#include <boost/asio/post.hpp>

#include <cassert>
#include <utility>

namespace coserve {

core& core::of(io_context& context) {
    return asio::use_service<core>(context);
}

core::core(asio::execution_context& context)
    : service(context),
      context_(static_cast<io_context&>(context)),
      timers_(*this),
      readiness_(*this) {}

core::~core() = default;

core::turn::turn(core& c) noexcept : core_(c) {
    [[maybe_unused]] const bool busy = c.entered_.test_and_set(std::memory_order_acquire);
    assert(!busy && "an io_context with coserve on it must be run by one thread at a time");
    c.in_turn_ = true;
    ++c.turn_number_;
    c.timers_.begin_turn();
    detail::begin_turn();
}

core::turn::~turn() {
    core_.end_turn();
}

void core::end_turn() noexcept {
    ending_.swap(turn_ends_);
    for (turn_end* t : ending_)
        t->on_turn_end();
    ending_.clear();
    readiness_.end_turn();
    in_turn_ = false;
    entered_.clear(std::memory_order_release);
    if (!turn_ends_.empty() && !std::exchange(turn_posted_, true))
        asio::post(context_, [this] {
            turn_posted_ = false;
            const turn scope(*this);
        });
}

void core::at_turn_end(turn_end& t) {
    turn_ends_.push_back(&t);
    if (!in_turn_ && !std::exchange(turn_posted_, true))
        asio::post(context_, [this] {
            turn_posted_ = false;
            const turn scope(*this);
        });
}

void core::admit(resident& r) {
    r.index_ = residents_.size();
    residents_.push_back(&r);
}

void core::dismiss(resident& r) noexcept {
    if (r.index_ == resident::absent)
        return;
    residents_.back()->index_ = r.index_;
    residents_[r.index_] = residents_.back();
    residents_.pop_back();
    r.index_ = resident::absent;
}

void core::settle() noexcept {
    if (readiness_.watched() != 0 || timers_.armed() != 0)
        return;
    readiness_.stop_waiting();
    timers_.stop_waiting();
}

void core::shutdown() {
    if (std::exchange(shut_down_, true))  // ~io_context shuts down twice
        return;
    while (!residents_.empty()) {
        resident* const r = residents_.back();
        residents_.pop_back();
        r->index_ = resident::absent;
        r->on_shutdown();
    }
    if (children_)
        children_->shutdown();
    for (turn_end* t : std::exchange(turn_ends_, {}))
        t->on_turn_end();
    timers_.shutdown();
    readiness_.shutdown();
    blocking_.reset();
}

blocking_threads& core::blocking() {
    if (!blocking_)
        blocking_ = std::make_shared<blocking_threads>(1);
    return *blocking_;
}

void core::set_blocking(std::shared_ptr<blocking_threads> threads) noexcept {
    blocking_ = std::move(threads);
}

child_set& core::children() {
    if (!children_)
        children_ = std::make_unique<child_set>(*this);
    return *children_;
}

}  // namespace coserve
