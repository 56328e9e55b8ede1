#include "interruptions.hpp"

#include <csignal>
#include <utility>

namespace coserve_client {
namespace {

/// As `nohup` has it.
bool is_ignored(int signal) noexcept {
    struct sigaction now{};
    return ::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

}  // namespace

interruptions::interruptions(
    boost::asio::io_context& context, std::function<void()> on_interruption, hangups h
)
    : signals_(context, SIGINT, SIGTERM), on_interruption_(std::move(on_interruption)) {
    if (h == hangups::interrupt && !is_ignored(SIGHUP))
        signals_.add(SIGHUP);
    wait();
}

void interruptions::wait() {
    signals_.async_wait([this](boost::system::error_code error, int signal) {
        if (error)  // also after the end of this
            return;
        wait();
        handle(signal);
    });
}

void interruptions::handle(int signal) {
    if (!std::exchange(interrupted_, true) || signal != SIGHUP)
        on_interruption_();
}

}  // namespace coserve_client
