#include <coserve/task.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace coserve::detail {

namespace {

constexpr int most_refusals = 100;

// Whoever was refused last is all that has to be remembered: one that runs away lets nobody else
// run.
thread_local const void* refused = nullptr;
thread_local int refusals = 0;

}  // namespace

bool runs_away(const void* coroutine) noexcept {
    if (std::exchange(refused, coroutine) != coroutine)
        refusals = 0;
    return ++refusals > most_refusals;
}

void forget(const void* coroutine) noexcept {
    if (refused == coroutine)
        refused = nullptr;
}

void begin_turn() noexcept {
    refused = nullptr;
}

asio::awaitable<void> drop_coroutine() {
    const auto start = [](auto handler) {
        const auto executor = asio::get_associated_executor(handler);
        asio::post(executor, [dropped = std::move(handler)] {});
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        start, asio::use_awaitable
    );
}

}  // namespace coserve::detail
