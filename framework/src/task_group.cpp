#include <coserve/task_group.hpp>

#include "completion.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <list>
#include <utility>

namespace coserve {

namespace {

using handler = asio::any_completion_handler<void(error_code)>;

bool is_cancellation(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const system_error& e) {
        return e.code() == asio::error::operation_aborted;
    } catch (...) {
        return false;
    }
}

}  // namespace

struct task_group::state : std::enable_shared_from_this<state> {
    struct child {
        asio::cancellation_signal stop;
        bool cancelled = false;
    };

    state(executor e, std::weak_ptr<void> o, std::function<void()> f)
        : where(e),
          owner(std::move(o)),
          on_error(std::move(f)) {}

    void cancel() {
        for (child& c : running) {
            c.cancelled = true;
            c.stop.emit(asio::cancellation_type::terminal);
        }
    }

    void ended(std::list<child>::iterator c, const std::exception_ptr& error) {
        const bool failed = error && !(c->cancelled && is_cancellation(error));
        running.erase(c);
        if (failed && !first_error) {
            first_error = error;
            cancel();
            if (on_error)
                on_error();
        }
        if (running.empty())
            tell_joiners();
    }

    void tell_joiners() {
        for (handler& joiner : std::exchange(joiners, {}))
            post_completion(where.context(), release_handler(joiner), error_code());
    }

    void wait(handler h) {
        const auto joiner = joiners.insert(joiners.end(), std::move(h));
        on_cancel(*joiner, [self = this, joiner] {
            auto cancelled = release_handler(*joiner);
            self->joiners.erase(joiner);
            post_completion(
                self->where.context(), std::move(cancelled), error_code(asio::error::operation_aborted)
            );
        });
    }

    executor where;
    std::weak_ptr<void> owner;
    std::function<void()> on_error;
    std::list<child> running;
    std::list<handler> joiners;
    std::exception_ptr first_error;
};

namespace {

// The owner comes first, so that it is destroyed last.
task<> run_child(std::shared_ptr<void>, task<> work) {
    co_await std::move(work);
}

}  // namespace

task_group::task_group(executor where) : task_group(where, {}, nullptr) {}

task_group::task_group(executor where, std::weak_ptr<void> owner, std::function<void()> on_error)
    : state_(std::make_shared<state>(where, std::move(owner), std::move(on_error))) {}

task_group::task_group(task_group&&) noexcept = default;

task_group& task_group::operator=(task_group&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
}

task_group::~task_group() {
    if (!state_)
        return;
    state_->on_error = nullptr;
    state_->cancel();
}

void task_group::adopt(task<> work) {
    const auto c = state_->running.emplace(state_->running.end());
    auto on_end = [s = state_, c](const std::exception_ptr& error) { s->ended(c, error); };
    asio::co_spawn(
        state_->where,
        run_child(state_->owner.lock(), std::move(work)),
        asio::bind_cancellation_slot(c->stop.slot(), std::move(on_end))
    );
}

std::size_t task_group::size() const noexcept {
    return state_->running.size();
}

void task_group::cancel() noexcept {
    state_->cancel();
}

task<> task_group::join() {
    return join_all(state_);
}

task<> task_group::join_all(std::shared_ptr<state> s) {
    auto start = [&](handler h) { s->wait(std::move(h)); };
    while (!s->running.empty())
        co_await asio::async_initiate<const asio::use_awaitable_t<>, void(error_code)>(
            start, asio::use_awaitable
        );
    if (const auto error = std::exchange(s->first_error, nullptr))
        std::rethrow_exception(error);
}

}  // namespace coserve
