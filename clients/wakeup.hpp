/// \file
/// Waiting for something that happens elsewhere in the same thread.
#pragma once

#include <coserve/task.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>

namespace coserve_client {

/// One coroutine waits. It asks for itself whether what it waits for has happened: before it waits,
/// and whenever it is woken.
class wakeup {
public:
    explicit wakeup(boost::asio::io_context& context) : timer_(context) {}

    /// Ends a wait, if there is one.
    void notify() { timer_.cancel(); }

    /// Until then at the latest.
    coserve::task<> wait(std::chrono::steady_clock::time_point until = far());

    static std::chrono::steady_clock::time_point far() {
        return std::chrono::steady_clock::time_point::max();
    }

private:
    boost::asio::steady_timer timer_;
};

}  // namespace coserve_client
