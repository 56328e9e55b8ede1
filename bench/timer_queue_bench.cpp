// Deadlines of many connections, beside one asio::steady_timer each. The argument is how many are
// armed.
#include "timer_queue.hpp"

#include "core.hpp"
#include "sockets.hpp"

#include <benchmark/benchmark.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <numeric>
#include <random>
#include <vector>

namespace coserve {
namespace {

using namespace std::chrono_literals;

class queue_timers {
public:
    explicit queue_timers(std::size_t count) {
        core_.readiness().add(pair_.server.get(), connection_);
        for (std::size_t i = 0; i < count; ++i)
            timers_.emplace_back(*this);
    }

    queue_timers(const queue_timers&) = delete;
    queue_timers& operator=(const queue_timers&) = delete;

    ~queue_timers() {
        for (auto& t : timers_)
            core_.timers().forget(t);
        core_.readiness().remove(pair_.server.get(), connection_);
    }

    io_context& context() { return context_; }

    void arm(std::size_t i, time_point at) { core_.timers().arm(timers_[i], at); }

    void disarm(std::size_t i) { core_.timers().disarm(timers_[i]); }

    void take_out(std::size_t i) { core_.timers().forget(timers_[i]); }

    std::size_t armed() const { return core_.timers().armed(); }

    std::size_t fired() const { return fired_; }

private:
    struct counted final : timer {
        explicit counted(queue_timers& o) : owner(o) {}

        void on_timer() noexcept override { ++owner.fired_; }

        queue_timers& owner;
    };

    // A core whose last timer goes stops waiting, unless it has a connection: and it has one.
    struct idle final : watcher {
        void on_ready(std::uint32_t) override {}
    };

    bench::socket_pair pair_ = bench::local_pair();
    io_context context_{1};
    core& core_ = core::of(context_);
    idle connection_;
    std::deque<counted> timers_;
    std::size_t fired_ = 0;
};

class asio_timers {
public:
    explicit asio_timers(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i)
            timers_.emplace_back(context_);
    }

    io_context& context() { return context_; }

    void arm(std::size_t i, time_point at) {
        if (timers_[i].expires_at(at) == 0)
            ++armed_;
        timers_[i].async_wait([this](error_code error) {
            if (!error) {
                ++fired_;
                --armed_;
            }
        });
    }

    void disarm(std::size_t i) { armed_ -= timers_[i].cancel(); }

    void take_out(std::size_t i) { disarm(i); }

    std::size_t armed() const { return armed_; }

    std::size_t fired() const { return fired_; }

private:
    io_context context_{1};
    asio::executor_work_guard<executor> work_{context_.get_executor()};
    std::deque<asio::steady_timer> timers_;
    std::size_t armed_ = 0, fired_ = 0;
};

std::vector<std::size_t> shuffled(std::size_t count) {
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::shuffle(order.begin(), order.end(), std::mt19937(1));
    return order;
}

// As on a core: from within the loop, which then runs what a cancellation left behind.
template <class Timers, class F>
void in_loop(Timers& timers, F work) {
    asio::post(timers.context(), work);
    timers.context().poll();
}

constexpr std::size_t batch = 200;

// Puts a deadline off, as every frame does.
template <class Timers>
void timer_put_off(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    Timers timers(count);
    const auto order = shuffled(count);
    time_point at = std::chrono::steady_clock::now() + 1h;
    std::size_t next = 0;
    const auto put_off = [&](std::size_t times) {
        for (std::size_t i = 0; i < times; ++i) {
            timers.arm(order[next], at += 1us);
            next = next + 1 == count ? 0 : next + 1;
        }
    };
    in_loop(timers, [&] { put_off(count); });
    while (state.KeepRunningBatch(batch))
        in_loop(timers, [&] { put_off(batch); });
    if (timers.armed() != count || timers.fired() != 0)
        state.SkipWithError("not every timer is armed");
}
BENCHMARK_TEMPLATE(timer_put_off, asio_timers)->Arg(1)->Arg(1000)->Arg(10000);
BENCHMARK_TEMPLATE(timer_put_off, queue_timers)->Arg(1)->Arg(1000)->Arg(10000);

// One more than `count`: the last comes and goes, somewhere among the others.
template <class Timers, class F>
void come_and_go(benchmark::State& state, F go) {
    const auto count = static_cast<std::size_t>(state.range(0));
    Timers timers(count + 1);
    const time_point start = std::chrono::steady_clock::now() + 1h;
    in_loop(timers, [&] {
        for (const std::size_t i : shuffled(count))
            timers.arm(i, start + i * 1ms);
    });
    std::minstd_rand random(1);
    while (state.KeepRunningBatch(batch))
        in_loop(timers, [&] {
            for (std::size_t i = 0; i < batch; ++i) {
                timers.arm(count, start + (1 + random() % count) * 1ms);
                go(timers, count);
            }
        });
    if (timers.armed() != count || timers.fired() != 0)
        state.SkipWithError("the timer did not go");
}

// Disarming leaves it in the queue's heap, to be put right later or armed again.
template <class Timers>
void timer_arm_disarm(benchmark::State& state) {
    come_and_go<Timers>(state, [](Timers& timers, std::size_t i) { timers.disarm(i); });
}
BENCHMARK_TEMPLATE(timer_arm_disarm, asio_timers)->Arg(1)->Arg(1000)->Arg(10000);
BENCHMARK_TEMPLATE(timer_arm_disarm, queue_timers)->Arg(1)->Arg(1000)->Arg(10000);

// As a connection does that opens and closes.
template <class Timers>
void timer_arm_take_out(benchmark::State& state) {
    come_and_go<Timers>(state, [](Timers& timers, std::size_t i) { timers.take_out(i); });
}
BENCHMARK_TEMPLATE(timer_arm_take_out, queue_timers)->Arg(1)->Arg(1000)->Arg(10000);

// Arms all, each with a deadline that has passed, and lets them all expire. A single one costs what
// the kernel's timer does.
template <class Timers>
void timer_arm_expire(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    Timers timers(count);
    const auto order = shuffled(count);
    const time_point past = std::chrono::steady_clock::now() - 1h;
    std::size_t due = 0;
    while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(count))) {
        due += count;
        in_loop(timers, [&] {
            for (std::size_t i = 0; i < count; ++i)
                timers.arm(i, past + order[i] * 1us);
        });
        while (timers.fired() < due)
            timers.context().poll();
    }
    if (timers.armed() != 0 || timers.fired() != due)
        state.SkipWithError("not every timer expired once");
}
BENCHMARK_TEMPLATE(timer_arm_expire, asio_timers)->Arg(1)->Arg(1000)->Arg(10000);
BENCHMARK_TEMPLATE(timer_arm_expire, queue_timers)->Arg(1)->Arg(1000)->Arg(10000);

}  // namespace
}  // namespace coserve
