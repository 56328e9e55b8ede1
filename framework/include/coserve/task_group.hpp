/// \file
/// A nursery: coroutines on one core that somebody waits for.
#pragma once

#include <coserve/frame.hpp>
#include <coserve/io.hpp>
#include <coserve/task.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace coserve {

/// Coroutines that run side by side on one core. The first error cancels the others and is what
/// `join()` throws.
///
/// A handler has one of its own, `tasks()`: joined when `handle()` returns, cancelled and joined
/// when it throws.
///
/// Lifetime: a group that is destroyed cancels its coroutines and does not wait for them: join
/// first where they refer to locals.
/// Thread: on its core.
class task_group {
public:
    explicit task_group(executor);
    task_group(task_group&&) noexcept;
    task_group& operator=(task_group&&) noexcept;
    ~task_group();

    /// Starts `function(arguments...)`, a coroutine, at once. The arguments are kept in the
    /// coroutine's own frame until it ends.
    template <class F, class... A>
    void spawn(F function, A... arguments) {
        static_assert(
            (!is_borrowed<A> && ...),
            "a borrowed view does not outlive the next read: pass frame.copy()"
        );
        static_assert(
            !std::is_class_v<F> || std::is_empty_v<F>,
            "captures die with the closure: pass state as arguments"
        );
        adopt(hold(function, std::move(arguments)...));
    }

    /// How many have not ended.
    std::size_t size() const noexcept;

    /// Cancels all that run: what each of them awaits throws
    /// `boost::asio::error::operation_aborted`.
    void cancel() noexcept;

    /// Waits until all have ended, those started meanwhile included, and throws the first error,
    /// once.
    /// Cancellation: throws; the coroutines go on.
    task<> join();

private:
    friend class session;
    friend class datagram_session;
    struct state;

    // Keeps `owner` alive while a coroutine runs, and tells of the first error.
    task_group(executor, std::weak_ptr<void> owner, std::function<void()> on_error);
    // The same where one's error concerns no other: tells of each, and join() throws none.
    task_group(
        executor,
        std::weak_ptr<void> owner,
        std::function<void(const std::exception_ptr&)> on_each_error
    );

    template <class F, class... A>
    static task<> hold(F function, A... arguments) {
        co_await std::invoke(function, std::move(arguments)...);
    }

    void adopt(task<>);
    static task<> join_all(std::shared_ptr<state>);

    std::shared_ptr<state> state_;
};

}  // namespace coserve
