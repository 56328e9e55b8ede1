/// \file
/// Waiting on the core's clock, which tests can set by hand.
#pragma once

#include <coserve/io.hpp>
#include <coserve/task.hpp>
#include <coserve/units.hpp>

#include <chrono>

namespace coserve {

/// A point on a core's clock: the steady clock's, or a manual one's.
using time_point = std::chrono::steady_clock::time_point;

/// The time on this core's clock.
time_point now(executor);

/// Cancellation: throws `boost::asio::error::operation_aborted`.
task<> sleep(duration);

}  // namespace coserve
