#include "idle_worker.hpp"

#include <coserve/connect.hpp>
#include <coserve/error.hpp>
#include <coserve/sleep.hpp>

#include <boost/asio/error.hpp>

#include <utility>

namespace coserve_bench {

using coserve::system_error;
using coserve::task;
using namespace std::chrono_literals;

namespace {

constexpr coserve::duration watch_interval = 50ms;

}  // namespace

idle_worker::idle_worker(const plan& p, const schedule& s, std::size_t index)
    : loop_worker(p, s, index), connections_(wanted_) {}

void idle_worker::connect() {
    if (!ramps())
        run(connect_all());
}

task<> idle_worker::connect_one(std::size_t index) {
    try {
        coserve::frame_stream stream = co_await coserve::connect(plan_.url, plan_.timeout);
        connections_[index].emplace(std::move(stream));
        record_.connected();
        count_replies(clock::now());
    } catch (const system_error& e) {
        if (e.code() == boost::asio::error::operation_aborted)
            throw;  // all is over
        record_.connection_failed(kind_of(e.code()), coserve::reason_of(e));
    }
}

void idle_worker::load() {
    run(load_all());
}

task<> idle_worker::load_all() {
    for (std::size_t i = 0; i < wanted_; ++i)
        tasks_.spawn(&idle_worker::hold, this, i);
    tasks_.spawn(&idle_worker::watch, this);
    co_await tasks_.join();
}

task<> idle_worker::hold(std::size_t index) {
    if (ramps()) {
        co_await sleep_until(ramped(index));
        co_await connect_one(index);
    }
    if (!connections_[index])
        co_return;
    co_await connections_[index]->closed();
    record_.connection_failed(error_kind::closed, "the server ended the connection");
}

task<> idle_worker::watch() {
    while (!schedule_.over(clock::now()))
        co_await coserve::sleep(watch_interval);
    tasks_.cancel();
}

}  // namespace coserve_bench
