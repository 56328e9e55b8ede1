/// \file
/// Ctrl-C, and a terminal that is closed, for as long as something else than this program is to
/// hear of it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <functional>

namespace coserve_client {

/// Calls `on_interruption` for each SIGINT (and SIGTERM) while it lives; then they end the program
/// again. Where hang-ups are heard of too (SIGHUP), one counts if nothing was interrupted before:
/// the system and a shell both send it.
/// Lifetime: the context's turns end before it.
class interruptions {
public:
    enum class hangups : unsigned char { end_the_program, interrupt };

    interruptions(
        boost::asio::io_context&,
        std::function<void()> on_interruption,
        hangups = hangups::end_the_program
    );
    interruptions(const interruptions&) = delete;
    interruptions& operator=(const interruptions&) = delete;

private:
    void wait();
    void handle(int signal);

    boost::asio::signal_set signals_;
    std::function<void()> on_interruption_;
    bool interrupted_ = false;
};

}  // namespace coserve_client
