#include <coserve/task_group.hpp>

#include "core.hpp"
#include "root_coroutine.hpp"
#include "stored_handler.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
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
    struct child;
    using place = std::list<child>::iterator;

    struct child {
        state& group;
        place self{};
        asio::cancellation_signal stop{};
        bool cancelled = false;

        void dropped() { group.dropped(self); }
    };

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
            c.stop.emit(asio::cancellation_type::terminal);
        }
    }

    void ended(place c, const std::exception_ptr& error) {
        const bool failed = error && !(c->cancelled && is_cancellation(error));
        running.erase(c);
        if (failed && on_each_error) {
            on_each_error(error);
        } else if (failed && !first_error) {
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

    // The owner comes first, so that it is destroyed last.
    static root_coroutine
    run(std::shared_ptr<void>, std::shared_ptr<state> self, place c, task<> work) {
        root_scope scope(self->where->context(), *c);
        std::exception_ptr error;
        try {
            co_await std::move(work);
        } catch (...) {
            error = std::current_exception();
        }
        scope.end();
        self->ended(c, error);
    }

    core* where;  // null after its end
    std::weak_ptr<void> owner;
    std::function<void()> on_error;
    std::function<void(const std::exception_ptr&)> on_each_error;
    std::list<child> running;
    std::list<handler> joiners;
    std::exception_ptr first_error;
};

task_group::task_group(executor where) : task_group(where, {}, std::function<void()>()) {}

task_group::task_group(executor where, std::weak_ptr<void> owner, std::function<void()> on_error)
    : state_(std::make_shared<state>(where, std::move(owner), std::move(on_error))) {}

task_group::task_group(
    executor where,
    std::weak_ptr<void> owner,
    std::function<void(const std::exception_ptr&)> on_each_error
)
    : task_group(where, std::move(owner), std::function<void()>()) {
    state_->on_each_error = std::move(on_each_error);
}

task_group::task_group(task_group&&) noexcept = default;

task_group& task_group::operator=(task_group&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
}

task_group::~task_group() {
    if (!state_)
        return;
    state_->on_error = nullptr;
    state_->on_each_error = nullptr;
    state_->cancel();
}

void task_group::adopt(task<> work) {
    if (!state_->where)
        return;
    const auto c = state_->running.emplace(state_->running.end(), *state_);
    c->self = c;
    launch(
        state_->where->context(),
        state::run(state_->owner.lock(), state_, c, std::move(work)),
        c->stop.slot()
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
