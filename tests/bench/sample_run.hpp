/// \file
/// A run that nobody made, for tests.
#pragma once

#include <results/recorder.hpp>
#include <results/run_result.hpp>

#include <chrono>
#include <random>

namespace coserve_bench {

struct sample_options {
    double rate = 1000;  ///< an open loop; 0: a closed one
    int seconds = 10;
    double slower = 1;  ///< by that factor are all latencies
    unsigned seed = 1;
    int stalls_at = -1;  ///< the second that the server does nothing in
};

/// A thousand requests a second, of about a millisecond.
inline run_result sample_run(sample_options o = {}) {
    using namespace std::chrono_literals;
    using coserve::duration;
    schedule times;
    times.begin = clock::now();
    times.end = times.begin + std::chrono::seconds(o.seconds);
    recorder r(times, o.rate == 0 ? recorder::loop::closed : recorder::loop::open);
    std::mt19937 random(o.seed);
    std::lognormal_distribution<double> latency(13.8, 0.5);
    for (int i = 0; i < o.seconds * 1000; ++i) {
        const auto due = times.begin + i * 1ms;
        const auto stall_ends = times.begin + (o.stalls_at + 1) * 1s;
        const bool stalled = o.stalls_at >= 0 && due < stall_ends && due >= stall_ends - 1s;
        const auto sent = stalled ? stall_ends : due;
        const auto now = sent + duration(static_cast<std::int64_t>(o.slower * latency(random)));
        r.sent();
        r.served(now);
        r.completed(due - 10us, sent, now, 64);
        if (o.rate != 0)
            r.slip(5us);
    }
    r.failed(error_kind::reset, 2);
    r.connection_failed(error_kind::reset, "tcp://127.0.0.1:7700: Connection reset by peer");
    run_result all;
    all.plan = {
        {"load", "echo"},
        {"url", "tcp://127.0.0.1:7700"},
        {"connections", 64},
        {"depth", 1},
        {"size", "64"},
        {"duration_s", o.seconds},
    };
    if (o.rate != 0)
        all.plan["rate"] = o.rate;
    all.counts = r.finish();
    all.elapsed = std::chrono::seconds(o.seconds);
    all.own_cpu = 300ms * o.seconds;
    all.busiest_thread = 0.3;
    all.server_cpu = 500ms * o.seconds;
    for (int i = 0; i <= o.seconds; ++i)
        all.server.push_back({i * 1s, i * 500ms, 12'000'000U + 100'000U * static_cast<unsigned>(i)}
        );
    return all;
}

}  // namespace coserve_bench
