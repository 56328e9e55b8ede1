/// \file
/// Ctrl-Z, its end, and a terminal that changes its size, while a prompt is shown.
#pragma once

#include "prompt.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

namespace coserve_client {

/// What libedit does of itself reaches the whole process group, and each signal once.
/// Lifetime: the context's turns end before it; it is gone before the prompt.
class prompt_signals {
public:
    prompt_signals(boost::asio::io_context&, prompt&);
    prompt_signals(const prompt_signals&) = delete;
    prompt_signals& operator=(const prompt_signals&) = delete;

private:
    void wait();
    void handle(int signal);

    prompt& prompt_;
    boost::asio::signal_set signals_;
};

}  // namespace coserve_client
