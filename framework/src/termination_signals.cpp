#include "termination_signals.hpp"

#include <utility>

namespace coserve {

termination_signals::saved_actions::saved_actions() noexcept {
    ::sigaction(SIGINT, nullptr, &interrupt_);
    ::sigaction(SIGTERM, nullptr, &terminate_);
}

termination_signals::saved_actions::~saved_actions() {
    ::sigaction(SIGINT, &interrupt_, nullptr);
    ::sigaction(SIGTERM, &terminate_, nullptr);
}

termination_signals::termination_signals(io_context& context, std::function<void()> arrived)
    : signals_(context, SIGINT, SIGTERM), arrived_(std::move(arrived)) {
    wait();
}

void termination_signals::wait() {
    signals_.async_wait([this](error_code error, int) {
        if (error)
            return;
        arrived_();
        wait();
    });
}

}  // namespace coserve
