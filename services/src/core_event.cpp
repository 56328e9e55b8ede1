#include "core_event.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace coserve {

task<> core_event::wait() {
    error_code ended;  // always cancelled, by `tell()` or with its coroutine
    co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ended));
    const auto state = co_await boost::asio::this_coro::cancellation_state;
    if (state.cancelled() != boost::asio::cancellation_type::none)
        throw system_error(boost::asio::error::operation_aborted);
}

}  // namespace coserve
