#include <coserve/testing/manual_clock.hpp>

#include "../core.hpp"

namespace coserve::testing {

manual_clock::manual_clock(io_context& context) : context_(context) {
    core::of(context_).timers().stop_clock();
}

void manual_clock::advance(duration by) {
    core::of(context_).timers().advance(by);
}

}  // namespace coserve::testing
