#include "root_coroutine.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/dispatch.hpp>

namespace coserve {

void launch(io_context& context, root_coroutine work, asio::cancellation_slot stop) {
    asio::detail::awaitable_thread<asio::any_io_executor> thread(
        std::move(work), context.get_executor(), stop, asio::cancellation_state(stop)
    );
    asio::dispatch(context, [thread = std::move(thread)]() mutable { thread.launch(); });
}

}  // namespace coserve
