// Something that coroutines of one core wait for.
#pragma once

#include <coserve/io.hpp>
#include <coserve/task.hpp>

#include <boost/asio/steady_timer.hpp>

namespace coserve {

// Thread: on its core. Who waits asks for what it wants before, and again after: there is no memory
// of what was told while nobody waited.
class core_event {
public:
    explicit core_event(executor where)
        : timer_(where, boost::asio::steady_timer::time_point::max()) {}

    // Until the next `tell()`. Cancellation: throws.
    task<> wait();

    // All who wait go on, in a later turn.
    void tell() { timer_.cancel(); }

private:
    boost::asio::steady_timer timer_;  // never expires
};

}  // namespace coserve
