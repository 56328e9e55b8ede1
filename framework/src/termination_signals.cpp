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

termination_signals::termination_signals(io_context& context, std::function<void(int)> arrived)
    : signals_(context, SIGINT, SIGTERM), arrived_(std::move(arrived)) {
    wait(1);
}

void termination_signals::wait(int nth) {
    signals_.async_wait([this, nth](error_code error, int) {
        if (error)
            return;
        arrived_(nth);
        wait(nth + 1);
    });
}

}  // namespace coserve
