/// \file
/// What the loads of coroutines have in common: a loop, and the pace of an open loop.
#pragma once

#include "load_worker.hpp"

#include <coserve/io.hpp>
#include <coserve/task.hpp>
#include <coserve/task_group.hpp>

#include <cstddef>
#include <cstdint>

namespace coserve_bench {

class loop_worker : public load_worker {
protected:
    using load_worker::load_worker;

    /// Until it ends. Throws what it throws.
    void run(coserve::task<>);

    /// Makes as many as `wanted_` calls of `connect_one()`, a number of them at once, at the plan's
    /// rate of connections.
    coserve::task<> connect_all();
    virtual coserve::task<> connect_one(std::size_t index) = 0;

    /// Gives each request of an open loop its time; then `paced_` is true.
    coserve::task<> pace();
    /// A request's time has come.
    virtual void on_due(clock::time_point due, clock::time_point now) = 0;
    /// Something that the end may have waited for has happened.
    virtual void stop_when_done() = 0;

    coserve::io_context context_{1};
    coserve::task_group tasks_{context_.get_executor()};
    bool paced_ = false;

private:
    coserve::task<> connect_some();

    std::size_t next_ = 0;
    clock::time_point connecting_since_{};
};

/// Until that time, or a little later.
coserve::task<> sleep_until(clock::time_point);

}  // namespace coserve_bench
