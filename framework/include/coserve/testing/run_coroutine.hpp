/// \file
/// Runs a coroutine to its end, with a time limit: a hang is a failure.
#pragma once

#include <coserve/io.hpp>
#include <coserve/task.hpp>
#include <coserve/units.hpp>

#include <boost/asio/co_spawn.hpp>

#include <chrono>
#include <exception>
#include <functional>
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

/// Runs the context until `work` ends, and gives what it returns or throws. What else runs there goes on meanwhile.
template <class T>
T run_coroutine(io_context& context, task<T> work, duration limit = default_limit) {
    using result = std::conditional_t<std::is_void_v<T>, char, std::optional<T>>;
    struct outcome {
        bool done = false;
        std::exception_ptr error;
        result value{};
    };
    const auto end = std::make_shared<outcome>();
    if constexpr (std::is_void_v<T>) {
        asio::co_spawn(context, std::move(work), [end](std::exception_ptr error) {
            end->done = true;
            end->error = error;
        });
    } else {
        asio::co_spawn(context, std::move(work), [end](std::exception_ptr error, T value) {
            end->done = true;
            end->error = error;
            if (!error)
                end->value.emplace(std::move(value));
        });
    }
    run_until(context, [&] { return end->done; }, limit);
    if (end->error)
        std::rethrow_exception(end->error);
    if constexpr (!std::is_void_v<T>)
        return std::move(*end->value);
}

}  // namespace coserve::testing
