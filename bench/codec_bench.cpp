// Every codec beside what it cannot do without: memchr and memmem, where it searches.
#include <coserve/delimiter.hpp>
#include <coserve/fixed.hpp>
#include <coserve/json_header.hpp>
#include <coserve/length_prefix.hpp>
#include <coserve/line.hpp>
#include <coserve/netstring.hpp>
#include <coserve/varint.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>

namespace coserve {
namespace {

using codec_maker = std::unique_ptr<codec> (*)(std::size_t payload);

std::unique_ptr<codec> length_prefix(std::size_t) {
    return std::make_unique<length_prefix_codec>();
}

std::unique_ptr<codec> fixed(std::size_t payload) {
    return std::make_unique<fixed_codec>(fixed_codec::options{payload});
}

std::unique_ptr<codec> line(std::size_t) {
    return std::make_unique<line_codec>();
}

std::unique_ptr<codec> delimiter_byte(std::size_t) {
    return std::make_unique<delimiter_codec>(delimiter_codec::options{"|", ""});
}

std::unique_ptr<codec> delimiter_text(std::size_t) {
    return std::make_unique<delimiter_codec>(delimiter_codec::options{"\r\n", ""});
}

std::unique_ptr<codec> any_of(std::size_t) {
    return std::make_unique<delimiter_codec>(delimiter_codec::options{"", ";|"});
}

std::unique_ptr<codec> any_of_many(std::size_t) {
    return std::make_unique<delimiter_codec>(delimiter_codec::options{"", ";|,:!"});
}

std::unique_ptr<codec> netstring(std::size_t) {
    return std::make_unique<netstring_codec>();
}

std::unique_ptr<codec> varint(std::size_t) {
    return std::make_unique<varint_codec>();
}

std::unique_ptr<codec> json_header(std::size_t) {
    return std::make_unique<json_header_codec>();
}

// Letters of which none begins an end.
bytes letters(std::size_t size) {
    bytes all(size);
    for (std::size_t i = 0; i < size; ++i)
        all[i] = static_cast<std::byte>('a' + i % 26);
    return all;
}

void append(bytes& to, std::span<const std::byte> more) {
    to.insert(to.end(), more.begin(), more.end());
}

// As many frames as one read brings, and at least one.
bytes full_buffer(codec& c, std::size_t payload) {
    constexpr std::size_t buffer = std::size_t{64} << 10;
    const bytes body = letters(payload);
    envelope e;
    bytes all;
    while (!c.encode({}, body, e) && (all.empty() || all.size() + e.size() <= buffer)) {
        append(all, e.prefix());
        append(all, body);
        append(all, std::as_bytes(std::span(e.suffix)));
    }
    return all;
}

void count_frames(benchmark::State& state) {
    state.SetItemsProcessed(state.iterations());
    state.SetBytesProcessed(state.iterations() * state.range(0));
}

void decode_full_buffer(benchmark::State& state, codec_maker make) {
    const auto payload = static_cast<std::size_t>(state.range(0));
    const std::unique_ptr<codec> made = make(payload);
    codec* c = made.get();
    benchmark::DoNotOptimize(c);
    const bytes input = full_buffer(*c, payload);
    std::span<const std::byte> rest = input;
    for (auto _ : state) {
        decoded d = c->decode(rest);
        benchmark::DoNotOptimize(d);
        if (d.what != decoded::outcome::frame || d.size != payload) [[unlikely]] {
            state.SkipWithError("not the frame that was encoded");
            break;
        }
        rest = rest.subspan(d.consumed);
        if (rest.empty())
            rest = input;
    }
    count_frames(state);
}

// What a program for this one format does: find the end, and go on behind it.
template <class Find>
void find_in_full_buffer(benchmark::State& state, codec_maker make, std::size_t end, Find find) {
    const auto payload = static_cast<std::size_t>(state.range(0));
    const bytes input = full_buffer(*make(payload), payload);
    std::span<const std::byte> rest = input;
    for (auto _ : state) {
        const void* found = find(rest);
        benchmark::DoNotOptimize(found);
        const auto size =
            static_cast<std::size_t>(static_cast<const std::byte*>(found) - rest.data());
        if (!found || size != payload) [[unlikely]] {
            state.SkipWithError("not the end of the frame that was encoded");
            break;
        }
        rest = rest.subspan(size + end);
        if (rest.empty())
            rest = input;
    }
    count_frames(state);
}

void decode_full_buffer_memchr(benchmark::State& state) {
    find_in_full_buffer(state, line, 1, [](std::span<const std::byte> in) {
        return std::memchr(in.data(), '\n', in.size());
    });
}

void decode_full_buffer_memmem(benchmark::State& state) {
    find_in_full_buffer(state, delimiter_text, 2, [](std::span<const std::byte> in) {
        return ::memmem(in.data(), in.size(), "\r\n", 2);
    });
}

void encode_into_envelope(benchmark::State& state, codec_maker make) {
    const auto payload = static_cast<std::size_t>(state.range(0));
    const std::unique_ptr<codec> made = make(payload);
    codec* c = made.get();
    benchmark::DoNotOptimize(c);
    const bytes body = letters(payload);
    for (auto _ : state) {
        envelope e;
        if (c->encode({}, body, e)) [[unlikely]] {
            state.SkipWithError("the frame was not encoded");
            break;
        }
        benchmark::DoNotOptimize(e);
    }
    count_frames(state);
}

void payloads(benchmark::internal::Benchmark* b) {
    b->Arg(16)->Arg(64)->Arg(1 << 10)->Arg(64 << 10);
}

BENCHMARK_CAPTURE(decode_full_buffer, length_prefix, length_prefix)->Apply(payloads);
BENCHMARK_CAPTURE(decode_full_buffer, fixed, fixed)->Apply(payloads);
BENCHMARK_CAPTURE(decode_full_buffer, netstring, netstring)->Apply(payloads);
BENCHMARK_CAPTURE(decode_full_buffer, varint, varint)->Apply(payloads);
BENCHMARK_CAPTURE(decode_full_buffer, json_header, json_header)->Apply(payloads);
BENCHMARK(decode_full_buffer_memchr)->Apply(payloads);
BENCHMARK_CAPTURE(decode_full_buffer, line, line)->Apply(payloads);
BENCHMARK_CAPTURE(decode_full_buffer, delimiter_byte, delimiter_byte)->Apply(payloads);
BENCHMARK_CAPTURE(decode_full_buffer, any_of, any_of)->Apply(payloads);
BENCHMARK_CAPTURE(decode_full_buffer, any_of_many, any_of_many)->Apply(payloads);
BENCHMARK(decode_full_buffer_memmem)->Apply(payloads);
BENCHMARK_CAPTURE(decode_full_buffer, delimiter_text, delimiter_text)->Apply(payloads);
BENCHMARK_CAPTURE(encode_into_envelope, length_prefix, length_prefix)->Apply(payloads);
BENCHMARK_CAPTURE(encode_into_envelope, fixed, fixed)->Apply(payloads);
BENCHMARK_CAPTURE(encode_into_envelope, netstring, netstring)->Apply(payloads);
BENCHMARK_CAPTURE(encode_into_envelope, varint, varint)->Apply(payloads);
BENCHMARK_CAPTURE(encode_into_envelope, json_header, json_header)->Apply(payloads);
BENCHMARK_CAPTURE(encode_into_envelope, line, line)->Apply(payloads);
BENCHMARK_CAPTURE(encode_into_envelope, delimiter_byte, delimiter_byte)->Apply(payloads);
BENCHMARK_CAPTURE(encode_into_envelope, any_of, any_of)->Apply(payloads);
BENCHMARK_CAPTURE(encode_into_envelope, delimiter_text, delimiter_text)->Apply(payloads);

}  // namespace
}  // namespace coserve
