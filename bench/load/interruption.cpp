#include "interruption.hpp"

namespace coserve_bench {

namespace {

volatile std::sig_atomic_t interrupted = 0;

void note(int) {
    interrupted = 1;
}

}  // namespace

interruption::interruption() {
    struct sigaction action{};
    action.sa_handler = &note;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    ::sigaction(SIGINT, &action, &before_);
}

interruption::~interruption() {
    ::sigaction(SIGINT, &before_, nullptr);
}

bool interruption::take() const noexcept {
    const bool was = interrupted != 0;
    interrupted = 0;
    return was;
}

}  // namespace coserve_bench
