// A block taken and given back, beside malloc and free: `one` is used again and again, `several`
// are held at once. The argument is the size.
#include "buffer_pool.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdlib>

namespace coserve {
namespace {

constexpr std::size_t held = 16;  // as many large blocks as a pool keeps

void* unshared(void* memory) {
    benchmark::DoNotOptimize(memory);  // or the pair of calls would be left out
    return memory;
}

void buffer_one_malloc(benchmark::State& state) {
    const auto size = static_cast<std::size_t>(state.range(0));
    for (auto _ : state)
        std::free(unshared(std::malloc(size)));
}

void buffer_one_pool(benchmark::State& state) {
    const auto size = static_cast<std::size_t>(state.range(0));
    buffer_pool pool;
    for (auto _ : state) {
        block b = pool.take(size);
        benchmark::DoNotOptimize(b);
        pool.give(b);
    }
}

void buffer_several_malloc(benchmark::State& state) {
    const auto size = static_cast<std::size_t>(state.range(0));
    std::array<void*, held> taken{};
    while (state.KeepRunningBatch(held)) {
        for (void*& memory : taken)
            memory = unshared(std::malloc(size));
        for (void* memory : taken)
            std::free(memory);
    }
}

void buffer_several_pool(benchmark::State& state) {
    const auto size = static_cast<std::size_t>(state.range(0));
    buffer_pool pool;
    std::array<block, held> taken{};
    while (state.KeepRunningBatch(held)) {
        for (block& b : taken)
            benchmark::DoNotOptimize(b = pool.take(size));
        for (const block& b : taken)
            pool.give(b);
    }
}

// The last is larger than what is kept: it comes from the kernel and goes back there.
void sizes(benchmark::internal::Benchmark* b) {
    b->Arg(buffer_pool::small)->Arg(buffer_pool::normal)->Arg(4 * buffer_pool::normal);
}

BENCHMARK(buffer_one_malloc)->Apply(sizes);
BENCHMARK(buffer_one_pool)->Apply(sizes);
BENCHMARK(buffer_several_malloc)->Apply(sizes);
BENCHMARK(buffer_several_pool)->Apply(sizes);

}  // namespace
}  // namespace coserve
