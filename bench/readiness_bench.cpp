// Awaits that wait: a coroutine suspends, and the loop tells it to go on.
#include "readiness.hpp"

#include "core.hpp"
#include "run_loop.hpp"
#include "sockets.hpp"

#include <coserve/testing/memory_wire.hpp>

#include <benchmark/benchmark.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cstddef>
#include <string>

namespace coserve {
namespace {

// ---- without I/O

asio::awaitable<void> await_posts(benchmark::State& state) {
    for (auto _ : state)
        co_await asio::post(asio::use_awaitable);
}

task<> await_posts_in_task(benchmark::State& state) {
    for (auto _ : state)
        co_await asio::post(asio::deferred);
}

void waiting_post_awaitable(benchmark::State& state) {
    io_context context(1);
    bench::run_loop(context, task<>(await_posts(state)));
}
BENCHMARK(waiting_post_awaitable);

void waiting_post_task(benchmark::State& state) {
    io_context context(1);
    bench::run_loop(context, await_posts_in_task(state));
}
BENCHMARK(waiting_post_task);

// ---- one frame that arrives only when somebody waits for it

constexpr std::size_t payload_size = 64;
constexpr std::size_t frame_size = 4 + payload_size;

// Each read that waits is served in a turn of its own.
void expect_turns(benchmark::State& state, std::uint64_t turns) {
    if (turns < static_cast<std::uint64_t>(state.iterations()))
        state.SkipWithError("a read did not wait");
}

task<> read_from_memory(benchmark::State& state, io_context& context) {
    testing::memory_wire wire(context);
    auto client = wire.open(testing::memory_wire::end::client);
    auto server = wire.open(testing::memory_wire::end::server);
    const std::string payload(payload_size, 'x');
    const auto before = core::of(context).turn_number();
    for (auto _ : state) {
        co_await client.write_frame(payload);
        co_await client.flush();
        const auto got = co_await server.read_frame();
        if (!got || got->size() != payload_size)
            state.SkipWithError("not the frame that was sent");
    }
    expect_turns(state, core::of(context).turn_number() - before);
}

task<> read_from_socket(benchmark::State& state, io_context& context) {
    auto pair = bench::local_pair();
    auto server = testing::open_socket(context, pair.server.release());
    const bytes frame = bench::frame_of(payload_size);
    const auto before = core::of(context).turn_number();
    for (auto _ : state) {
        if (!bench::send_whole(pair.client.get(), frame))
            state.SkipWithError("send");
        const auto got = co_await server.read_frame();
        if (!got || got->size() != payload_size)
            state.SkipWithError("not the frame that was sent");
    }
    expect_turns(state, core::of(context).turn_number() - before);
}

asio::awaitable<void> read_from_asio_socket(benchmark::State& state, io_context& context) {
    auto pair = bench::local_pair();
    asio::local::stream_protocol::socket server(
        context, asio::local::stream_protocol(), pair.server.release()
    );
    const bytes frame = bench::frame_of(payload_size);
    std::array<std::byte, frame_size> input{};
    const auto room = asio::buffer(input);
    for (auto _ : state) {
        if (!bench::send_whole(pair.client.get(), frame))
            state.SkipWithError("send");
        const auto size = co_await server.async_read_some(room, asio::use_awaitable);
        if (size != frame_size)
            state.SkipWithError("not the frame that was sent");
    }
}

// Asio's socket would find the bytes with the call it makes before it waits: they must come later.
asio::awaitable<void> await_asio_socket(benchmark::State& state, io_context& context) {
    auto pair = bench::local_pair();
    asio::local::stream_protocol::socket server(
        context, asio::local::stream_protocol(), pair.server.release()
    );
    const bytes frame = bench::frame_of(payload_size);
    std::array<std::byte, frame_size> input{};
    const auto room = asio::buffer(input);
    const int client = pair.client.get();
    for (auto _ : state) {
        bool sent = false;
        asio::post(context, [&] { sent = bench::send_whole(client, frame); });
        const auto size = co_await server.async_read_some(room, asio::use_awaitable);
        if (!sent || size != frame_size)
            state.SkipWithError("not the frame that was sent");
    }
}

task<> await_socket(benchmark::State& state, io_context& context) {
    auto pair = bench::local_pair();
    auto server = testing::open_socket(context, pair.server.release());
    const bytes frame = bench::frame_of(payload_size);
    const auto before = core::of(context).turn_number();
    const int client = pair.client.get();
    for (auto _ : state) {
        bool sent = false;
        asio::post(context, [&] { sent = bench::send_whole(client, frame); });
        const auto got = co_await server.read_frame();
        if (!sent || !got || got->size() != payload_size)
            state.SkipWithError("not the frame that was sent");
    }
    expect_turns(state, core::of(context).turn_number() - before);
}

// What each turn of a core's loop asks the kernel, also where nothing but memory tells: both sets.
void waiting_read_empty_epolls(benchmark::State& state) {
    const bench::descriptor inner(bench::checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
    const auto outer = bench::epoll_of(inner.get());
    std::array<epoll_event, 128> ready{};
    for (auto _ : state)
        if (::epoll_wait(outer.get(), ready.data(), ready.size(), 0) != 0 ||
            ::epoll_wait(inner.get(), ready.data(), ready.size(), 0) != 0)
            state.SkipWithError("there were events");
}
BENCHMARK(waiting_read_empty_epolls);

void waiting_read_memory(benchmark::State& state) {
    io_context context(1);
    bench::run_loop(context, read_from_memory(state, context));
}
BENCHMARK(waiting_read_memory);

// What the system calls cost that every variant below makes, without any waiting.
void waiting_read_send_and_recv(benchmark::State& state) {
    const auto pair = bench::local_pair();
    const bytes frame = bench::frame_of(payload_size);
    std::array<std::byte, frame_size> input{};
    for (auto _ : state)
        if (!bench::send_whole(pair.client.get(), frame) ||
            !bench::receive_whole(pair.server.get(), input))
            state.SkipWithError("send or recv");
}
BENCHMARK(waiting_read_send_and_recv);

void waiting_read_bare_epoll(benchmark::State& state) {
    const auto pair = bench::local_pair();
    const auto set = bench::epoll_of(pair.server.get());
    const bytes frame = bench::frame_of(payload_size);
    std::array<std::byte, frame_size> input{};
    std::array<epoll_event, 128> ready{};
    for (auto _ : state)
        if (!bench::send_whole(pair.client.get(), frame) ||
            ::epoll_wait(set.get(), ready.data(), ready.size(), -1) != 1 ||
            !bench::receive_whole(pair.server.get(), input))
            state.SkipWithError("send, epoll_wait or recv");
}
BENCHMARK(waiting_read_bare_epoll);

// The system calls that a core makes: Asio watches its set, and asks for each event anew.
void waiting_read_nested_epoll(benchmark::State& state) {
    const auto pair = bench::local_pair();
    const auto inner = bench::epoll_of(pair.server.get());
    const auto outer = bench::epoll_of(inner.get());
    const bytes frame = bench::frame_of(payload_size);
    std::array<std::byte, frame_size> input{};
    std::array<epoll_event, 128> ready{};
    epoll_event anew{EPOLLIN | EPOLLRDHUP | EPOLLET, {.fd = inner.get()}};
    for (auto _ : state)
        if (!bench::send_whole(pair.client.get(), frame) ||
            ::epoll_ctl(outer.get(), EPOLL_CTL_MOD, inner.get(), &anew) != 0 ||
            ::epoll_wait(outer.get(), ready.data(), ready.size(), -1) != 1 ||
            ::epoll_wait(inner.get(), ready.data(), ready.size(), 0) != 1 ||
            !bench::receive_whole(pair.server.get(), input))
            state.SkipWithError("send, epoll_wait or recv");
}
BENCHMARK(waiting_read_nested_epoll);

void waiting_read_frame_stream(benchmark::State& state) {
    io_context context(1);
    bench::run_loop(context, read_from_socket(state, context));
}
BENCHMARK(waiting_read_frame_stream);

// Finds the bytes without waiting: one system call fewer than a server's read that waits.
void waiting_read_asio_speculative(benchmark::State& state) {
    io_context context(1);
    bench::run_loop(context, task<>(read_from_asio_socket(state, context)));
}
BENCHMARK(waiting_read_asio_speculative);

void waiting_read_asio_sent_later(benchmark::State& state) {
    io_context context(1);
    bench::run_loop(context, task<>(await_asio_socket(state, context)));
}
BENCHMARK(waiting_read_asio_sent_later);

void waiting_read_frame_stream_sent_later(benchmark::State& state) {
    io_context context(1);
    bench::run_loop(context, await_socket(state, context));
}
BENCHMARK(waiting_read_frame_stream_sent_later);

}  // namespace
}  // namespace coserve
