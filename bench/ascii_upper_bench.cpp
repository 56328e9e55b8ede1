#include <coserve/services/ascii_upper.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstring>

namespace coserve {
namespace {

// Both cases and others, in no order that a branch could be guessed from.
bytes text_of(std::size_t size) {
    bytes text(size);
    unsigned value = 1;
    for (std::byte& b : text) {
        value = value * 1103515245 + 12345;
        b = static_cast<std::byte>(' ' + (value >> 16) % 95);
    }
    return text;
}

void upper_memcpy(benchmark::State& state) {
    const bytes text = text_of(static_cast<std::size_t>(state.range(0)));
    bytes out(text.size());
    for (auto _ : state) {
        std::memcpy(out.data(), text.data(), text.size());
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(upper_memcpy)->Arg(64)->Arg(1 << 10)->Arg(16 << 10);

void upper_byte_by_byte(benchmark::State& state) {
    bytes text = text_of(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        for (std::byte& b : text) {
            const auto c = static_cast<unsigned char>(b);
            b = static_cast<std::byte>(c >= 'a' && c <= 'z' ? c - 0x20 : c);
            benchmark::DoNotOptimize(b);  // or it would be vectors here too
        }
    }
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(upper_byte_by_byte)->Arg(64)->Arg(1 << 10)->Arg(16 << 10);

// In place: it takes as long whether there are letters left to raise.
void upper_ascii_upper(benchmark::State& state) {
    bytes text = text_of(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        frame f = ascii_upper({text.data(), text.size()});
        benchmark::DoNotOptimize(f);
        benchmark::ClobberMemory();
    }
    for (const std::byte b : text)
        if (b >= std::byte{'a'} && b <= std::byte{'z'})
            state.SkipWithError("not in upper case");
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(upper_ascii_upper)->Arg(64)->Arg(1 << 10)->Arg(16 << 10);

}  // namespace
}  // namespace coserve
