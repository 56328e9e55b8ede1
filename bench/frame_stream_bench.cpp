// One frame there and back: a server's read and write, beside the bare calls on the same sockets.
//
// Over sockets the client is bare in every variant, and on the same thread: what differs is the
// server.
#include <coserve/frame_stream.hpp>

#include "core.hpp"
#include "run_loop.hpp"
#include "sockets.hpp"
#include "testing/memory_transport.hpp"

#include <coserve/testing/memory_wire.hpp>

#include <benchmark/benchmark.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

namespace coserve {
namespace {

task<> echo(frame_stream stream) {
    while (auto got = co_await stream.read_frame())
        co_await stream.write_frame(*got);
}

// ---- over sockets

class framework_server {
public:
    explicit framework_server(bench::descriptor socket) {
        asio::co_spawn(
            context_, echo(testing::open_socket(context_, socket.release())), asio::detached
        );
        context_.poll();
    }

    // Until something was done.
    void serve() { context_.run_one(); }

    void serve_what_is_there() { context_.poll(); }

private:
    io_context context_{1};
};

// The two calls, and the least that a server does between them.
class bare_server {
public:
    explicit bare_server(bench::descriptor socket) : socket_(std::move(socket)) {}

    void serve() {
        const ssize_t size = ::recv(socket_.get(), input_.data() + held_, input_.size() - held_, 0);
        if (size > 0)
            held_ += static_cast<std::size_t>(size);
        std::uint32_t length = 0;
        if (held_ < sizeof length)
            return;
        std::memcpy(&length, input_.data(), sizeof length);
        if (held_ == sizeof length + length)
            bench::send_whole(socket_.get(), input_.first(std::exchange(held_, 0)));
    }

    void serve_what_is_there() { serve(); }

private:
    bench::descriptor socket_;
    bench::placed_buffer placed_{std::size_t{64} << 10};
    std::span<std::byte> input_ = placed_.data();
    std::size_t held_ = 0;
};

// The same in the loop that a server for many connections needs.
class epoll_server {
public:
    explicit epoll_server(bench::descriptor socket)
        : set_(bench::epoll_of(socket.get())), server_(std::move(socket)) {
        ::epoll_wait(
            set_.get(), ready_.data(), static_cast<int>(ready_.size()), 0
        );  // it is writable
    }

    void serve() { wait(-1); }

    void serve_what_is_there() { wait(0); }

private:
    void wait(int timeout) {
        if (::epoll_wait(set_.get(), ready_.data(), static_cast<int>(ready_.size()), timeout) == 1)
            server_.serve();
    }

    bench::descriptor set_;
    bare_server server_;
    std::array<epoll_event, 128> ready_{};
};

template <class Server>
void echo_over(benchmark::State& state, bench::socket_pair pair) {
    Server server(std::move(pair.server));
    const bench::placed_buffer sent(bench::frame_of(static_cast<std::size_t>(state.range(0))));
    const bench::placed_buffer received_into(sent.data().size());
    const auto request = sent.data();
    const auto reply = received_into.data();
    std::int64_t not_at_once = 0;
    for (auto _ : state) {
        if (!bench::send_whole(pair.client.get(), request)) {
            state.SkipWithError("the request was not sent");
            break;
        }
        server.serve();
        std::size_t received = 0;
        while (received < reply.size()) {
            const ssize_t size =
                ::recv(pair.client.get(), reply.data() + received, reply.size() - received, 0);
            if (size > 0) {
                received += static_cast<std::size_t>(size);
            } else if (size == 0 || errno != EAGAIN) {
                state.SkipWithError("the reply did not come");
                return;
            } else {
                ++not_at_once;
                server.serve_what_is_there();
            }
        }
        benchmark::ClobberMemory();
    }
    if (!std::equal(reply.begin(), reply.end(), request.begin()))
        state.SkipWithError("the reply is not what was sent");
    // Each is a call more than the path has that is measured here.
    if (not_at_once > 10 + state.iterations() / 10)
        state.SkipWithError("replies came late");
}

void echo_local_bare_calls(benchmark::State& state) {
    echo_over<bare_server>(state, bench::local_pair());
}
BENCHMARK(echo_local_bare_calls)->Arg(64)->Arg(1024)->Arg(16384);

void echo_local_bare_epoll(benchmark::State& state) {
    echo_over<epoll_server>(state, bench::local_pair());
}
BENCHMARK(echo_local_bare_epoll)->Arg(64)->Arg(1024)->Arg(16384);

void echo_local_frame_stream(benchmark::State& state) {
    echo_over<framework_server>(state, bench::local_pair());
}
BENCHMARK(echo_local_frame_stream)->Arg(64)->Arg(1024)->Arg(16384);

void echo_tcp_bare_calls(benchmark::State& state) {
    echo_over<bare_server>(state, bench::tcp_pair());
}
BENCHMARK(echo_tcp_bare_calls)->Arg(64)->Arg(1024)->Arg(16384);

void echo_tcp_bare_epoll(benchmark::State& state) {
    echo_over<epoll_server>(state, bench::tcp_pair());
}
BENCHMARK(echo_tcp_bare_epoll)->Arg(64)->Arg(1024)->Arg(16384);

void echo_tcp_frame_stream(benchmark::State& state) {
    echo_over<framework_server>(state, bench::tcp_pair());
}
BENCHMARK(echo_tcp_frame_stream)->Arg(64)->Arg(1024)->Arg(16384);

// ---- over memory: what the framework costs without sockets

using wire_end = testing::memory_wire::end;

void echo_memory_bare_transport(benchmark::State& state) {
    io_context context(1);
    const testing::memory_wire wire(context);
    const auto client = testing::make_memory_transport(wire, wire_end::client);
    const auto server = testing::make_memory_transport(wire, wire_end::server);
    bytes request = bench::frame_of(static_cast<std::size_t>(state.range(0)));
    bytes input(std::size_t{64} << 10);
    const auto pass = [&](transport& from, transport& to) {
        const iovec all{request.data(), request.size()};
        return from.write({&all, 1}).size == request.size() &&
               to.read(input).size == request.size();
    };
    for (auto _ : state) {
        if (!pass(*client, *server) || !pass(*server, *client)) {
            state.SkipWithError("not all was passed on");
            break;
        }
    }
}
BENCHMARK(echo_memory_bare_transport)->Arg(64)->Arg(1024)->Arg(16384);

task<> ask(benchmark::State& state, frame_stream& client) {
    const bytes payload(static_cast<std::size_t>(state.range(0)), std::byte{'x'});
    for (auto _ : state) {
        co_await client.write_frame(payload);
        const auto got = co_await client.read_frame();
        if (!got || got->size() != payload.size())
            state.SkipWithError("the reply is not what was sent");
    }
}

// Both ends are streams here: two reads that wait, two writes, two turns, each with the two
// epoll_waits that are in `waiting_read_empty_epolls`.
void echo_memory_frame_stream(benchmark::State& state) {
    io_context context(1);
    testing::memory_wire wire(context);
    asio::co_spawn(context, echo(wire.open(wire_end::server)), asio::detached);
    frame_stream client = wire.open(wire_end::client);
    const auto before = core::of(context).turn_number();
    bench::run_loop(context, ask(state, client));
    const auto turns = core::of(context).turn_number() - before;
    if (turns < 2 * static_cast<std::uint64_t>(state.iterations()))
        state.SkipWithError("a read did not wait");
}
BENCHMARK(echo_memory_frame_stream)->Arg(64)->Arg(1024)->Arg(16384);

}  // namespace
}  // namespace coserve
