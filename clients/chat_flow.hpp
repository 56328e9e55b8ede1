/// \file
/// When the next message may be sent, and whether the last ones have come back, to wait for.
#pragma once

#include "chat_pace.hpp"
#include "chat_talk.hpp"
#include "wakeup.hpp"

#include <coserve/task.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>

namespace coserve_client {

/// Errors: `chat_stopped`, of each task.
class chat_flow {
public:
    explicit chat_flow(boost::asio::io_context& context) : changed_(context) {}

    static coserve::chat_time now() { return std::chrono::steady_clock::now(); }

    chat_pace pace;

    /// Until something happens or the time has come.
    coserve::task<> wait(coserve::chat_time until);
    /// Until a message may be sent.
    coserve::task<> wait_for_turn();
    /// Until no message is waited for.
    coserve::task<> settle();

    /// Something has happened.
    void notify() { changed_.notify(); }

    void stop();

private:
    wakeup changed_;
    bool stopped_ = false;
};

}  // namespace coserve_client
