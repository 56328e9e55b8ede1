/// \file
/// What the loads have in common: a loop, a share of the plan, and the pace of an open loop.
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
    loop_worker(const plan&, const schedule&, std::size_t index);

    /// Until it ends. Throws what it throws.
    void run(coserve::task<>);

    bool open_loop() const noexcept { return plan_.rate != 0; }

    /// Whether one more may be sent whose time is `t`; takes it.
    bool may_send(clock::time_point t) noexcept {
        if (schedule_.over(t))
            return false;
        if (!plan_.requests || !schedule_.counts(t))
            return true;
        if (requests_left_ == 0)
            return false;
        --requests_left_;
        return true;
    }

    /// Makes as many as `wanted_` calls of `connect_one()`, a number of them at once, at the plan's
    /// rate of connections.
    coserve::task<> connect_all();
    virtual coserve::task<> connect_one(std::size_t index) = 0;

    /// When the `index`th connection of this thread is to begin: they grow over the ramp.
    clock::time_point ramped(std::size_t index) const noexcept;

    /// Gives each request of an open loop its time; then `paced_` is true.
    coserve::task<> pace();
    /// A request's time has come.
    virtual void on_due(clock::time_point due, clock::time_point now) = 0;
    /// Something that the end may have waited for has happened.
    virtual void stop_when_done() = 0;

    const plan& plan_;
    const schedule& schedule_;
    const std::size_t index_, first_, wanted_;
    std::uint64_t requests_left_;
    random_numbers random_;

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

/// The `index`th of so many threads' part of `all`.
inline std::uint64_t share(std::uint64_t all, std::size_t index, std::size_t threads) {
    return all * (index + 1) / threads - all * index / threads;
}

}  // namespace coserve_bench
