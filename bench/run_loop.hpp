/// \file
/// Runs a benchmark's coroutine in a bare loop: the test kit's, which has a time limit, reads the
/// clock for each handler.
#pragma once

#include <coserve/io.hpp>
#include <coserve/task.hpp>

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <utility>

namespace coserve::bench {

/// Runs the context until the work ends, and throws what it throws.
inline void run_loop(io_context& context, task<> work) {
    std::exception_ptr failure;
    asio::co_spawn(context, std::move(work), [&](std::exception_ptr error) {
        failure = std::move(error);
        context.stop();
    });
    context.run();
    if (failure)
        std::rethrow_exception(failure);
}

}  // namespace coserve::bench
