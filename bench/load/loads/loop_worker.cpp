#include "loop_worker.hpp"

#include "send_times.hpp"

#include <coserve/sleep.hpp>

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace coserve_bench {

using coserve::task;
using namespace std::chrono_literals;

namespace {

constexpr coserve::duration longest_sleep = 100ms;  // the end may come nearer meanwhile

}  // namespace

void loop_worker::run(task<> work) {
    std::exception_ptr error;
    boost::asio::co_spawn(context_, std::move(work), [&](std::exception_ptr e) {
        error = e;
        context_.stop();
    });
    context_.run();
    context_.restart();
    if (error)
        std::rethrow_exception(error);
}

task<> loop_worker::connect_all() {
    connecting_since_ = clock::now();
    for (std::size_t i = 0; i < std::min(connects_at_once, wanted_); ++i)
        tasks_.spawn(&loop_worker::connect_some, this);
    co_await tasks_.join();
}

task<> loop_worker::connect_some() {
    while (next_ < wanted_) {
        const std::size_t index = next_++;
        co_await sleep_until(paced_since(connecting_since_, index));
        co_await connect_one(index);
    }
}

task<> loop_worker::pace() {
    send_times times(plan_.rate, plan_.ramp, index_, plan_.threads);
    for (;;) {
        const clock::time_point due = schedule_.start + times.next();
        clock::time_point now = clock::now();
        for (; now < due && !schedule_.over(now); now = clock::now())
            co_await coserve::sleep(std::min<coserve::duration>(due - now, longest_sleep));
        if (now < due || !may_send(due))
            break;
        on_due(due, now);
    }
    paced_ = true;
    stop_when_done();
}

task<> sleep_until(clock::time_point t) {
    for (clock::time_point now = clock::now(); now < t; now = clock::now())
        co_await coserve::sleep(t - now);
}

}  // namespace coserve_bench
