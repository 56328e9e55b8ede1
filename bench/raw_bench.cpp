#include <coserve/raw.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <span>

namespace coserve {
namespace {

// As the streams hold it: the compiler does not see which codec it is.
codec& unknown(codec& c) {
    codec* which = &c;
    benchmark::DoNotOptimize(which);
    return *which;
}

void decode_raw_min(benchmark::State& state) {
    const bytes input(static_cast<std::size_t>(state.range(0)), std::byte{'x'});
    std::size_t most = std::size_t{16} << 20;
    for (auto _ : state) {
        benchmark::DoNotOptimize(most);
        std::span<const std::byte> frame(input.data(), std::min(input.size(), most));
        benchmark::DoNotOptimize(frame);
    }
}
BENCHMARK(decode_raw_min)->Arg(64)->Arg(1 << 10)->Arg(16 << 10);

void decode_raw(benchmark::State& state) {
    raw_codec made;
    codec& c = unknown(made);
    const bytes input(static_cast<std::size_t>(state.range(0)), std::byte{'x'});
    for (auto _ : state) {
        decoded d = c.decode(input);
        benchmark::DoNotOptimize(d);
        if (d.what != decoded::outcome::frame || d.size != input.size()) [[unlikely]] {
            state.SkipWithError("not all that there is");
            break;
        }
    }
}
BENCHMARK(decode_raw)->Arg(64)->Arg(1 << 10)->Arg(16 << 10);

void encode_raw(benchmark::State& state) {
    raw_codec made;
    codec& c = unknown(made);
    const bytes body(static_cast<std::size_t>(state.range(0)), std::byte{'x'});
    for (auto _ : state) {
        envelope e;
        if (c.encode({}, body, e) || e.size() != body.size()) [[unlikely]] {
            state.SkipWithError("the frame was not encoded");
            break;
        }
        benchmark::DoNotOptimize(e);
    }
}
BENCHMARK(encode_raw)->Arg(64)->Arg(1 << 10)->Arg(16 << 10);

}  // namespace
}  // namespace coserve
