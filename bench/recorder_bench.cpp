/// \file
/// What a reply costs the load tool's books: buckets by Boost.Histogram and by hand, and all of it.

#include "load/results/recorder.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace {

using namespace coserve_bench;

/// Around 160 us, over four orders of magnitude.
class latencies {
public:
    latencies() {
        std::mt19937 random(1);
        std::lognormal_distribution<double> some(12, 1);
        for (std::uint64_t& ns : all_)
            ns = static_cast<std::uint64_t>(some(random));
    }

    std::uint64_t next() noexcept { return all_[at_++ % all_.size()]; }

private:
    std::array<std::uint64_t, 4096> all_{};
    std::size_t at_ = 0;
};

void buckets_by_hand(benchmark::State& state) {
    const log_linear_axis axis;
    std::vector<std::uint64_t> counts(static_cast<std::size_t>(axis.size()));
    latencies some;
    for (auto _ : state)
        ++counts[static_cast<std::size_t>(axis.index(some.next()))];
    benchmark::DoNotOptimize(counts.data());
}
BENCHMARK(buckets_by_hand);

void buckets_by_boost_histogram(benchmark::State& state) {
    auto counts =
        boost::histogram::make_histogram_with(std::vector<std::uint64_t>(), log_linear_axis());
    latencies some;
    for (auto _ : state)
        counts(some.next());
    benchmark::DoNotOptimize(counts.at(0));
}
BENCHMARK(buckets_by_boost_histogram);

void latency_histogram_add(benchmark::State& state) {
    latency_histogram all;
    latencies some;
    for (auto _ : state)
        all.add(coserve::duration(static_cast<std::int64_t>(some.next())));
    benchmark::DoNotOptimize(all.count());
}
BENCHMARK(latency_histogram_add);

/// A reply each 100 ns: a second is ten million of them.
void a_reply(benchmark::State& state, recorder::loop kind) {
    schedule times;
    times.begin = clock::now();
    recorder r(times, kind);
    latencies some;
    clock::time_point now = times.begin;
    for (auto _ : state) {
        now += std::chrono::nanoseconds(100);
        const coserve::duration took(static_cast<std::int64_t>(some.next()));
        r.sent();
        r.served(now);
        r.completed(now - 2 * took, now - took, now, 64);
    }
    benchmark::DoNotOptimize(r.finish().completed);
}
BENCHMARK_CAPTURE(a_reply, closed_loop, recorder::loop::closed);
BENCHMARK_CAPTURE(a_reply, open_loop, recorder::loop::open);

}  // namespace
