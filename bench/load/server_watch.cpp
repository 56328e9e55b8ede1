#include "server_watch.hpp"

#include "process_use.hpp"

#include <utility>

namespace coserve_bench {

using namespace std::chrono_literals;

namespace {

constexpr coserve::duration interval = 1s;

}  // namespace

void server_watch::before() {
    if (pid_)
        memory_before_ = memory_of(*pid_);
}

void server_watch::begin(clock::time_point now) {
    began_ = now;
    next_ = now + interval;
    if (pid_)
        cpu_begin_ = cpu_time_of(*pid_);
}

void server_watch::look(clock::time_point now) {
    if (!cpu_begin_ || now < next_)
        return;
    sample(now);
    next_ += interval;
}

void server_watch::sample(clock::time_point now) {
    const auto cpu = cpu_time_of(*pid_);
    const auto memory = memory_of(*pid_);
    if (cpu && memory)
        samples_.push_back({now - began_, *cpu - *cpu_begin_, *memory});
}

void server_watch::end(clock::time_point now, run_result& r) {
    if (!cpu_begin_)
        return;
    sample(now);
    if (const auto cpu = cpu_time_of(*pid_))
        r.server_cpu = *cpu - *cpu_begin_;
    r.server = std::move(samples_);
}

}  // namespace coserve_bench
