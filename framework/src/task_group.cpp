#include <coserve/task_group.hpp>

#include "core.hpp"
#include "spawn_end.hpp"
#include "stored_handler.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <list>
#include <stdexcept>
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

struct task_group::state final : std::enable_shared_from_this<state>, resident {
    struct child {
        asio::cancellation_signal stop;
        bool started = false, cancelled = false;
    };

    using place = std::list<child>::iterator;

    state(executor e, std::weak_ptr<void> o, std::function<void()> f)
        : where(&core::of(e.context())), owner(std::move(o)), on_error(std::move(f)) {
        where->admit(*this);
    }

    ~state() {
        if (where)
            where->dismiss(*this);
    }

    void cancel() {
        if (!where)
            return;
        for (child& c : running) {
            c.cancelled = true;
            if (c.started)
                c.stop.emit(asio::cancellation_type::terminal);
        }
    }

    void ended(place c, const std::exception_ptr& error) {
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

    // Later, because its coroutine is just being destroyed; and not at all where that is because
    // its context ends.
    void dropped(place c) {
        if (where)
            asio::post(where->context(), [self = shared_from_this(), c] {
                self->ended(c, std::make_exception_ptr(std::logic_error(dropped_coroutine)));
            });
    }

    void tell_joiners() {
        for (handler& joiner : std::exchange(joiners, {}))
            post_completion(where->context(), release_handler(joiner), error_code());
    }

    void wait(handler h) {
        const auto joiner = joiners.insert(joiners.end(), std::move(h));
        on_cancel(*joiner, [self = this, joiner] {
            auto cancelled = release_handler(*joiner);
            self->joiners.erase(joiner);
            post_completion(
                self->where->context(),
                std::move(cancelled),
                error_code(asio::error::operation_aborted)
            );
        });
    }

    void on_shutdown() noexcept override {
        where = nullptr;
        // They own the coroutine that may own this.
        const auto dropped = std::exchange(joiners, {});
    }

    // The owner comes first, so that it is destroyed last. Asio must not know of a cancellation
    // where a coroutine begins, nor where it ends: it would throw out of its loop.
    static task<> run(std::shared_ptr<void>, std::shared_ptr<state>, place c, task<> work) {
        if (c->cancelled)
            co_return;
        c->started = true;
        std::exception_ptr error;
        try {
            co_await std::move(work);
        } catch (...) {
            error = std::current_exception();
        }
        co_await asio::this_coro::throw_if_cancelled(false);
        if (error)
            std::rethrow_exception(error);
    }

    core* where;  // null after its end
    std::weak_ptr<void> owner;
    std::function<void()> on_error;
    std::list<child> running;
    std::list<handler> joiners;
    std::exception_ptr first_error;
};

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
    if (!state_->where)
        return;
    const auto c = state_->running.emplace(state_->running.end());
    spawn_end told(
        c->stop.slot(),
        [s = state_, c](const std::exception_ptr& error) { s->ended(c, error); },
        [s = state_, c] { s->dropped(c); }
    );
    asio::co_spawn(
        state_->where->context(),
        state::run(state_->owner.lock(), state_, c, std::move(work)),
        std::move(told)
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
