/// \file
/// Ctrl-C, for as long as something else than this program is to hear of it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <functional>

namespace coserve_client {

/// Calls `on_interruption` for each SIGINT (and SIGTERM) while it lives; then they end the program
/// again.
/// Lifetime: the context's turns end before it.
class interruptions {
public:
    interruptions(boost::asio::io_context&, std::function<void()> on_interruption);
    interruptions(const interruptions&) = delete;
    interruptions& operator=(const interruptions&) = delete;

private:
    void wait();

    boost::asio::signal_set signals_;
    std::function<void()> on_interruption_;
};

}  // namespace coserve_client
