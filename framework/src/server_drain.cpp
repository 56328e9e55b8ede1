// How a server_state ends: accept no more, let sessions finish until the deadline, cancel the rest.
#include "child_set.hpp"
#include "datagram_session.hpp"
#include "periodic_action.hpp"
#include "server_state.hpp"
#include "stored_handler.hpp"

#include <boost/asio/post.hpp>

#include <array>
#include <chrono>
#include <span>
#include <string>
#include <utility>

namespace coserve {

using namespace std::chrono_literals;

namespace {

constexpr duration time_after_expiry = 1s;

}  // namespace

void server_state::stop() noexcept {
    if (stopping_.exchange(true, std::memory_order_seq_cst))
        return;
    const std::scoped_lock lock(mutex_);
    if (attached_)
        asio::post(*cores_[0]->context, [weak = weak_from_this()] {
            if (const auto self = weak.lock())
                self->begin_drain();
        });
}

void server_state::begin_drain() {
    if (done_ || std::exchange(draining_, true))
        return;
    for (acceptor& a : acceptors_)
        a.stop();
    const time_point deadline = first_core().timers().after(options_.drain_timeout);
    drain_deadline_ = deadline;  // before a session hears of the drain
    on_each_core([](session& s) { s.begin_drain(); });
    datagrams_.visit([](datagram_session& s) { s.begin_drain(); });
    first_core().timers().arm(*this, deadline);
    check_done();
}

void server_state::on_each_core(std::function<void(session&)> visit) {
    for (const auto& c : cores_)
        asio::post(*c->context, [self = shared_from_this(), &sessions = c->sessions, visit] {
            sessions.for_each(visit);
        });
}

// First the drain's deadline, then that of what it cancelled.
void server_state::on_timer() noexcept {
    if (expired_)
        finish_serving();
    else
        expire(false);
}

void server_state::expire(bool at_once) {
    if (done_)
        return;
    if (!std::exchange(expired_, true)) {
        const std::string left = std::to_string(active_.load());
        const std::string handlers = std::to_string(datagram_sessions_.load());
        const std::array<log_field, 2> fields{
            {{"connections", left}, {"datagram-handlers", handlers}}
        };
        log(
            {log_level::warning, "drain cut short", std::span(fields).first(handlers == "0" ? 1 : 2)
            }
        );
        stop_children();
        on_each_core([](session& s) { s.expire(); });
        datagrams_.visit([](datagram_session& s) { s.expire(); });
    }
    cut_short_ = at_once;
    if (at_once)
        finish_serving();
    else
        first_core().timers().arm(*this, first_core().timers().now() + time_after_expiry);
}

// On a host's context there may be others: its sessions' end with these.
void server_state::stop_children() {
    for (const auto& c : cores_) {
        if (pool_)
            asio::post(*c->context, [context = c->context] {
                if (child_set* const children = core::of(*context).children_if_any())
                    children->stop_all(subprocess_end::drain, time_after_expiry);
            });
    }
}

// After the cores have ended.
void server_state::end_children() {
    for (const auto& c : cores_) {
        if (child_set* const children = core::of(*c->context).children_if_any())
            children->end_all(cut_short_ ? duration::zero() : time_after_expiry);
    }
}

// It counts, then asks whether a drain has begun; stop() begins one, and its drain then asks what
// is left. Only where both are sequentially consistent does one of them see the other.
void server_state::connection_ended() noexcept {
    if (active_.fetch_sub(1, std::memory_order_seq_cst) == 1 &&
        stopping_.load(std::memory_order_seq_cst))
        post_check_done();
}

void server_state::datagram_session_ended() noexcept {
    if (datagram_sessions_.fetch_sub(1, std::memory_order_seq_cst) == 1 &&
        stopping_.load(std::memory_order_seq_cst))
        post_check_done();
}

void server_state::post_check_done() noexcept {
    const std::scoped_lock lock(mutex_);
    if (attached_)
        asio::post(*cores_[0]->context, [weak = weak_from_this()] {
            if (const auto self = weak.lock())
                self->check_done();
        });
}

void server_state::check_done() noexcept {
    if (draining_ && all_ended())
        finish_serving();
}

bool server_state::all_ended() const noexcept {
    return active_.load(std::memory_order_seq_cst) == 0 &&
           datagram_sessions_.load(std::memory_order_seq_cst) == 0;
}

void server_state::finish_serving() noexcept {
    done_ = true;
    first_core().timers().disarm(*this);
    for (periodic_action& a : actions_)
        a.stop();
    if (pool_)
        pool_->stop();
    if (waiting_)
        post_completion(*cores_[0]->context, release_handler(waiting_), error_code());
}

}  // namespace coserve
