/// \file
/// `task<T>`: an `asio::awaitable<T>` whose coroutines may also await an operation that is usually
/// ready, at no cost where it is.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/this_coro.hpp>

#include <concepts>
#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>
#include <variant>

namespace coserve {

template <class T = void>
class task;

/// An operation that can answer at once: `take()` where `ready()`, else `wait()` gives the Asio
/// operation to await, which lives within it.
template <class Op>
concept ready_operation = requires(Op& op) {
    { op.ready() } -> std::same_as<bool>;
    op.take();
    op.wait();
    requires std::is_rvalue_reference_v<decltype(op.wait())>;
};

namespace detail {

namespace asio = boost::asio;

template <class A>
concept an_awaitable = requires(A& a) { []<class U>(asio::awaitable<U>&) {}(a); };

// Told of each await that a cancelled coroutine was refused. True: it awaits again and again in one
// turn, would never yield, and is to be dropped.
bool runs_away(const void* coroutine) noexcept;
// It has ended; another may take its place in memory.
void forget(const void* coroutine) noexcept;
// This thread's loop goes on.
void begin_turn() noexcept;

// Never completes. The coroutine that awaits it, and those that await that one, are destroyed soon.
asio::awaitable<void> drop_coroutine();

template <class U>
asio::awaitable<U> dropped() {
    co_await drop_coroutine();
    std::terminate();  // not reached
}

// The one use of a detail name of Asio: a promise that adds ways to await, and no member.
template <class T>
struct task_promise : asio::detail::awaitable_frame<T, asio::any_io_executor> {
    using frame = asio::detail::awaitable_frame<T, asio::any_io_executor>;

    ~task_promise() { forget(this); }

    task<T> get_return_object() noexcept {
        static_assert(
            alignof(task_promise) == alignof(frame) && sizeof(task_promise) == sizeof(frame),
            "Asio resumes the coroutine through a handle made for the frame"
        );
        return frame::get_return_object();
    }

    template <class A>
        requires(!ready_operation<A> && !an_awaitable<A>)
    decltype(auto) await_transform(A&& a) {
        return frame::await_transform(std::forward<A>(a));
    }

    // An awaitable's own await_suspend wants the handle of a plain frame.
    template <class U>
    auto await_transform(asio::awaitable<U> a) {
        struct child {
            asio::awaitable<U> a;

            bool await_ready() const noexcept { return false; }

            void await_suspend(std::coroutine_handle<> h) { suspend(a, h); }

            U await_resume() { return a.await_resume(); }
        };

        try {
            return child{frame::await_transform(std::move(a))};
        } catch (...) {  // the coroutine was cancelled
            if (!runs_away(this))
                throw;
            return child{drop<U>()};
        }
    }

    template <ready_operation Op>
    auto await_transform(Op&& op) noexcept {
        using operation_type = std::remove_reference_t<Op>;

        // As small as can be: an idle connection keeps one.
        struct awaiter {
            using suspended = decltype(std::declval<frame&>().await_transform(
                std::declval<operation_type&>().wait()
            ));

            operation_type& operation;  // lives to the end of the co_await expression
            std::variant<std::monostate, suspended, asio::awaitable<void>> slow{};

            bool await_ready() { return operation.ready(); }

            void await_suspend(std::coroutine_handle<task_promise> h) {
                task_promise& self = h.promise();
                if (!never_completes()) {
                    try {
                        slow.template emplace<suspended>(self.suspended_in(operation))
                            .await_suspend(h);
                        return;
                    } catch (...) {  // the coroutine was cancelled
                        if (!runs_away(&self))
                            throw;
                    }
                }
                suspend(
                    slow.template emplace<asio::awaitable<void>>(self.template drop<void>()), h
                );
            }

            auto await_resume() -> decltype(operation.take()) {
                auto* const waited = std::get_if<suspended>(&slow);
                return waited ? waited->await_resume() : operation.take();
            }

            bool never_completes() const {
                if constexpr (requires {
                                  { operation.never_completes() } -> std::same_as<bool>;
                              })
                    return operation.never_completes();
                return false;
            }
        };

        return awaiter{op};
    }

private:
    template <class U>
    static void suspend(asio::awaitable<U>& a, std::coroutine_handle<> h) {
        a.await_suspend(std::coroutine_handle<frame>::from_address(h.address()));
    }

    template <class Op>
    auto suspended_in(Op& op) {
        return frame::await_transform(op.wait());
    }

    template <class U>
    asio::awaitable<U> drop() {
        frame::await_transform(asio::this_coro::throw_if_cancelled(false)).await_resume();
        return frame::await_transform(dropped<U>());
    }
};

}  // namespace detail

/// What a handler's coroutines return. It starts when it is awaited (or given to `asio::co_spawn`),
/// runs on its awaiter's core, and mixes both ways with everything made for Asio: timers, `||`,
/// `&&`, cancellation.
///
/// Cancellation: every further await throws. A coroutine that catches that and awaits on, a hundred
/// times without a pause, is destroyed where it stands.
template <class T>
class [[nodiscard]] task : public boost::asio::awaitable<T> {
public:
    using promise_type = detail::task_promise<T>;

    task(boost::asio::awaitable<T>&& a) noexcept : boost::asio::awaitable<T>(std::move(a)) {}
};

}  // namespace coserve
