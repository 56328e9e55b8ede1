#include "prompt_signals.hpp"

#include <csignal>

namespace coserve_client {

prompt_signals::prompt_signals(boost::asio::io_context& context, prompt& p)
    : prompt_(p), signals_(context, SIGTSTP, SIGCONT, SIGWINCH) {
    prompt_.leave_signals();
    wait();
}

void prompt_signals::wait() {
    signals_.async_wait([this](boost::system::error_code error, int signal) {
        if (error)  // also after the end of this
            return;
        wait();
        handle(signal);
    });
}

void prompt_signals::handle(int signal) {
    switch (signal) {
    case SIGTSTP:
        prompt_.suspend();
        std::raise(SIGSTOP);
        return;
    case SIGCONT:
        return prompt_.resume();
    default:
        return prompt_.resized();
    }
}

}  // namespace coserve_client
