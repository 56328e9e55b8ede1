#include <coserve/testing/run_coroutine.hpp>

namespace coserve::testing {

void run_until(io_context& context, const std::function<bool()>& done, duration limit) {
    const auto until = std::chrono::steady_clock::now() + limit;
    context.restart();
    while (!done()) {
        if (std::chrono::steady_clock::now() >= until)
            throw hang();
        if (context.run_one_until(until) == 0 && !done()) {
            if (context.stopped())  // out of work: nothing can end it any more
                throw hang();
        }
    }
}

}  // namespace coserve::testing
