#include "interruptions.hpp"

#include <csignal>
#include <utility>

namespace coserve_client {

interruptions::interruptions(
    boost::asio::io_context& context, std::function<void()> on_interruption
)
    : signals_(context, SIGINT, SIGTERM), on_interruption_(std::move(on_interruption)) {
    wait();
}

void interruptions::wait() {
    signals_.async_wait([this](boost::system::error_code error, int) {
        if (error)  // also after the end of this
            return;
        wait();
        on_interruption_();
    });
}

}  // namespace coserve_client
