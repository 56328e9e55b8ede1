/// \file
/// Work that blocks (files, name look-ups, long computations), away from the cores.
#pragma once

#include <coserve/task.hpp>

#include <functional>
#include <optional>
#include <type_traits>

namespace coserve {

namespace detail {
task<> run_on_blocking_pool(std::function<void()> work);
}

/// Runs `work()` on the core's pool of blocking threads, gives back what it returns or throws, and
/// meanwhile lets the core go on.
///
/// Takes a named callable only: a temporary with captures inside a `co_await` expression is freed
/// twice by g++ 12.
/// Errors: `boost::system::system_error` where no thread can be started.
/// Lifetime: `work` and what it refers to must live until the task ends, which it does even when it
/// is cancelled: work cannot be interrupted.
template <class F>
task<std::invoke_result_t<F&>> run_blocking(F& work) {
    using result = std::invoke_result_t<F&>;
    if constexpr (std::is_void_v<result>) {
        std::function<void()> job = std::ref(work);
        co_await detail::run_on_blocking_pool(std::move(job));
    } else {
        std::optional<result> answer;
        std::function<void()> job = [&] { answer.emplace(work()); };
        co_await detail::run_on_blocking_pool(std::move(job));
        co_return std::move(*answer);
    }
}

template <class F>
void run_blocking(F&&)
    requires(!std::is_lvalue_reference_v<F>)
= delete;

}  // namespace coserve
