#include <coserve/task.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdint>

namespace coserve::detail {

namespace {

constexpr int most_refusals = 100;

thread_local std::uint64_t this_turn = 0;

}  // namespace

// Whoever is refused last is all that has to be remembered: one that runs away lets nobody else
// run.
bool runs_away(const void* coroutine) noexcept {
    thread_local const void* last = nullptr;
    thread_local std::uint64_t turn = 0;
    thread_local int refusals = 0;
    if (last != coroutine || turn != this_turn)
        refusals = 0;
    last = coroutine;
    turn = this_turn;
    return ++refusals > most_refusals;
}

void begin_turn() noexcept {
    ++this_turn;
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
