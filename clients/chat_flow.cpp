#include "chat_flow.hpp"

namespace coserve_client {

using coserve::chat_time;
using coserve::task;

task<> chat_flow::wait(chat_time until) {
    if (!stopped_)
        co_await changed_.wait(until);
    if (stopped_)
        throw chat_stopped();
}

task<> chat_flow::wait_for_turn() {
    for (;;) {
        const chat_time ready = pace.ready(now());
        if (ready <= now())
            co_return;
        co_await wait(ready);
    }
}

task<> chat_flow::settle() {
    while (pace.settled() > now())
        co_await wait(pace.settled());
}

void chat_flow::stop() {
    stopped_ = true;
    notify();
}

}  // namespace coserve_client
