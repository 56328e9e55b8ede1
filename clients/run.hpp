/// \file
/// From a plain function into a coroutine and back.
#pragma once

#include <coserve/task.hpp>

#include <boost/asio/io_context.hpp>

#include <optional>
#include <utility>

namespace coserve_client {

/// Runs the context until the task has ended; what else there is goes on when the context is run
/// again. Errors: what the task throws.
void run(boost::asio::io_context&, coserve::task<>);

namespace detail {

template <class T>
coserve::task<> store(coserve::task<T> work, std::optional<T>* result) {
    result->emplace(co_await std::move(work));
}

}  // namespace detail

template <class T>
T run(boost::asio::io_context& context, coserve::task<T> work) {
    std::optional<T> result;
    run(context, detail::store(std::move(work), &result));
    return std::move(*result);
}

}  // namespace coserve_client
