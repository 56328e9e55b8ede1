/// \file
/// Runs a coroutine to its end, with a time limit: a hang is a failure.
#pragma once

#include <coserve/io.hpp>
#include <coserve/task.hpp>
#include <coserve/units.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace coserve::testing {

/// The coroutine did not end in time.
class hang : public std::runtime_error {
public:
    hang() : runtime_error("the coroutine did not end within its time limit") {}
};

/// Real time, whatever clock the code under test has.
inline constexpr duration default_limit = std::chrono::seconds(20);

/// Runs the context until `done()`. Errors: `hang`.
void run_until(io_context&, const std::function<bool()>& done, duration limit = default_limit);

namespace detail {

void run_to_end(io_context&, task<> work, duration limit);

template <class T>
task<> keep_result(task<T> work, std::shared_ptr<std::optional<T>> result) {
    result->emplace(co_await std::move(work));
}

}  // namespace detail

/// Runs the context until `work` ends, and gives what it returns or throws. What else runs there
/// goes on meanwhile.
/// Errors: `hang`. Nothing of the work is freed then until the context is, so what it refers to
/// must live as long.
template <class T>
T run_coroutine(io_context& context, task<T> work, duration limit = default_limit) {
    if constexpr (std::is_void_v<T>) {
        detail::run_to_end(context, std::move(work), limit);
    } else {
        const auto result = std::make_shared<std::optional<T>>();
        detail::run_to_end(context, detail::keep_result(std::move(work), result), limit);
        return std::move(**result);
    }
}

}  // namespace coserve::testing
