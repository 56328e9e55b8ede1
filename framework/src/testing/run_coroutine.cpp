#include <coserve/testing/run_coroutine.hpp>

#include <boost/asio/co_spawn.hpp>

#include <exception>

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

void detail::run_to_end(io_context& context, task<> work, duration limit) {
    struct outcome {
        bool done = false;
        std::exception_ptr error;
    };
    const auto end = std::make_shared<outcome>();
    asio::co_spawn(context, std::move(work), [end](std::exception_ptr error) {
        end->done = true;
        end->error = error;
    });
    run_until(context, [&] { return end->done; }, limit);
    if (end->error)
        std::rethrow_exception(end->error);
}

}  // namespace coserve::testing
