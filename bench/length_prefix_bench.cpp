#include <coserve/length_prefix.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace coserve {
namespace {

constexpr std::size_t input_size = std::size_t{64} << 10;

// As the streams hold it: the compiler does not see which codec it is.
codec& unknown(codec& c) {
    codec* which = &c;
    benchmark::DoNotOptimize(which);
    return *which;
}

// As many frames as one read brings.
bytes encoded(codec& c, std::size_t payload) {
    const bytes body(payload, std::byte{'x'});
    bytes all;
    envelope e;
    while (!c.encode({}, body, e) && all.size() + e.size() <= input_size) {
        all.insert(all.end(), e.prefix().begin(), e.prefix().end());
        all.insert(all.end(), body.begin(), body.end());
    }
    return all;
}

void decode_frame(benchmark::State& state, const length_prefix_codec::options& options) {
    length_prefix_codec made(options);
    codec& c = unknown(made);
    const auto payload = static_cast<std::size_t>(state.range(0));
    const bytes input = encoded(c, payload);
    std::span<const std::byte> rest = input;
    for (auto _ : state) {
        decoded d = c.decode(rest);
        benchmark::DoNotOptimize(d);
        if (d.what != decoded::outcome::frame || d.size != payload) [[unlikely]] {
            state.SkipWithError("not the frame that was encoded");
            break;
        }
        rest = rest.subspan(d.consumed);
        if (rest.empty())
            rest = input;
    }
}

void encode_frame(benchmark::State& state, const length_prefix_codec::options& options) {
    length_prefix_codec made(options);
    codec& c = unknown(made);
    const bytes body(static_cast<std::size_t>(state.range(0)), std::byte{'x'});
    for (auto _ : state) {
        envelope e;
        if (c.encode({}, body, e)) [[unlikely]] {
            state.SkipWithError("the frame was not encoded");
            break;
        }
        benchmark::DoNotOptimize(e);
    }
}

// What a program for this one format does: load the length, compare it with the maximum and with
// what is there.
void decode_frame_memcpy(benchmark::State& state) {
    length_prefix_codec made;
    const auto payload = static_cast<std::size_t>(state.range(0));
    const bytes input = encoded(made, payload);
    std::span<const std::byte> rest = input;
    for (auto _ : state) {
        std::int32_t length = -1;
        if (rest.size() >= sizeof length) [[likely]]
            std::memcpy(&length, rest.data(), sizeof length);
        benchmark::DoNotOptimize(length);
        const auto total = sizeof length + static_cast<std::size_t>(length);
        if (length < 0 || length > 16 << 20 || rest.size() < total) [[unlikely]] {
            state.SkipWithError("not the frame that was encoded");
            break;
        }
        rest = rest.subspan(total);
        if (rest.empty())
            rest = input;
    }
}

void encode_frame_memcpy(benchmark::State& state) {
    const bytes body(static_cast<std::size_t>(state.range(0)), std::byte{'x'});
    for (auto _ : state) {
        std::size_t size = body.size();
        benchmark::DoNotOptimize(size);
        if (size > 16 << 20) [[unlikely]] {
            state.SkipWithError("the frame was not encoded");
            break;
        }
        const auto length = static_cast<std::int32_t>(size);
        std::array<std::byte, sizeof length> prefix;
        std::memcpy(prefix.data(), &length, sizeof length);
        benchmark::DoNotOptimize(prefix);
    }
}

constexpr length_prefix_codec::options standard{};

constexpr length_prefix_codec::options big_endian{
    .width = 2, .big_endian = true, .is_signed = false
};

// All that takes more work: three bytes, behind two others, which count themselves too.
constexpr length_prefix_codec::options varied{
    .width = 3, .big_endian = true, .is_signed = false, .offset = 2, .includes_header = true
};

void sizes(benchmark::internal::Benchmark* b) {
    b->Arg(64)->Arg(1 << 10)->Arg(16 << 10);
}

BENCHMARK(decode_frame_memcpy)->Apply(sizes);
BENCHMARK_CAPTURE(decode_frame, standard, standard)->Apply(sizes);
BENCHMARK_CAPTURE(decode_frame, big_endian, big_endian)->Apply(sizes);
BENCHMARK_CAPTURE(decode_frame, varied, varied)->Apply(sizes);
BENCHMARK(encode_frame_memcpy)->Apply(sizes);
BENCHMARK_CAPTURE(encode_frame, standard, standard)->Apply(sizes);
BENCHMARK_CAPTURE(encode_frame, big_endian, big_endian)->Apply(sizes);
BENCHMARK_CAPTURE(encode_frame, varied, varied)->Apply(sizes);

}  // namespace
}  // namespace coserve
