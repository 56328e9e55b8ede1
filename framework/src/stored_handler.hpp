// How a stored handler is cancelled, and given back for its one call.
#pragma once

#include <coserve/io.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/post.hpp>

#include <utility>

namespace coserve {

// On the stored handler only: storing it is what connects its slot.
template <class Handler, class F>
void on_cancel(const Handler& stored, F cancel) {
    auto slot = asio::get_associated_cancellation_slot(stored);
    if (slot.is_connected())
        slot.assign([cancel](asio::cancellation_type) {
            const F kept = cancel;  // releasing the handler clears the slot, and with it this
            kept();
        });
}

// A cancellation that comes later finds nothing here.
template <class Handler>
void uncancel(const Handler& stored) {
    auto slot = asio::get_associated_cancellation_slot(stored);
    if (slot.is_connected())
        slot.clear();
}

template <class Handler>
Handler release_handler(Handler& stored) {
    uncancel(stored);
    return std::exchange(stored, Handler());
}

// Calls it from the loop, never from within the caller.
template <class Handler, class... A>
void post_completion(io_context& context, Handler handler, A... arguments) {
    asio::post(
        context,
        [handler = std::move(handler), ... arguments = std::move(arguments)]() mutable {
            std::move(handler)(std::move(arguments)...);
        }
    );
}

}  // namespace coserve
