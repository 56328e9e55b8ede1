// Awaits that need not wait: what co_await adds to the call beneath it.
#include "core.hpp"
#include "run_loop.hpp"

#include <coserve/task.hpp>
#include <coserve/testing/memory_wire.hpp>

#include <benchmark/benchmark.h>
#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstddef>
#include <cstring>
#include <string>
#include <utility>

namespace coserve {
namespace {

// ---- nothing behind the await

// An operation that is always ready. As with a stream's, the compiler does not see how it answers.
class number {
public:
    [[gnu::noinline]] bool ready() noexcept {
        benchmark::DoNotOptimize(value_);
        return true;
    }

    int take() const noexcept { return value_; }

    number&& wait() noexcept { return std::move(*this); }

    template <asio::completion_token_for<void(int)> Token>
    auto operator()(Token&& token) {
        return asio::async_initiate<Token, void(int)>(
            [](auto handler) { std::move(handler)(-1); }, token
        );
    }

private:
    int value_ = 1;
};

[[gnu::noinline]] task<int> number_task() {
    co_return 1;
}

[[gnu::noinline]] asio::awaitable<int> number_awaitable() {
    co_return 1;
}

void expect_one(benchmark::State& state, int& got) {
    benchmark::DoNotOptimize(got);
    if (got != 1) [[unlikely]]
        state.SkipWithError("the operation was not ready");
}

task<> await_numbers(benchmark::State& state) {
    for (auto _ : state) {
        int got = co_await number();
        expect_one(state, got);
    }
}

task<> await_child_tasks(benchmark::State& state) {
    for (auto _ : state) {
        int got = co_await number_task();
        expect_one(state, got);
    }
}

asio::awaitable<void> await_child_awaitables(benchmark::State& state) {
    for (auto _ : state) {
        int got = co_await number_awaitable();
        expect_one(state, got);
    }
}

void ready_function_call(benchmark::State& state) {
    for (auto _ : state) {
        number n;
        int got = n.ready() ? n.take() : -1;
        expect_one(state, got);
    }
}
BENCHMARK(ready_function_call);

void ready_task_await(benchmark::State& state) {
    io_context context(1);
    bench::run_loop(context, await_numbers(state));
}
BENCHMARK(ready_task_await);

void ready_child_task_await(benchmark::State& state) {
    io_context context(1);
    bench::run_loop(context, await_child_tasks(state));
}
BENCHMARK(ready_child_task_await);

void ready_child_awaitable_await(benchmark::State& state) {
    io_context context(1);
    bench::run_loop(context, task<>(await_child_awaitables(state)));
}
BENCHMARK(ready_child_awaitable_await);

// ---- a stream behind it

// Small frames, so that one filling of the buffer serves many awaits.
constexpr std::size_t payload_size = 12;
constexpr std::size_t frame_size = 4 + payload_size;
constexpr std::size_t batch = 4000;

struct wire_ends {
    io_context context{1};
    testing::memory_wire wire{context};
    frame_stream client = wire.open(testing::memory_wire::end::client);
    frame_stream server = wire.open(testing::memory_wire::end::server);
    std::string payload = std::string(payload_size, 'x');
    std::string frames;  // one more than a batch

    wire_ends() {
        for (std::size_t i = 0; i <= batch; ++i)
            frames += std::string("\x0c\0\0\0", 4) + payload;
    }

    std::uint64_t turn() { return core::of(context).turn_number(); }
};

// The first read waits, and takes all that the others will find.
task<> fill_input(wire_ends& ends) {
    co_await ends.client.write(ends.frames);
    co_await ends.server.read_frame();
}

// An await that waits goes on in a later turn.
void expect_turn(benchmark::State& state, wire_ends& ends, std::uint64_t turn) {
    if (ends.turn() != turn)
        state.SkipWithError("an operation waited");
}

void expect_frame(benchmark::State& state, const std::optional<frame>& got) {
    if (!got || got->size() != payload_size) [[unlikely]]
        state.SkipWithError("not the frame that was sent");
}

task<> call_buffered_reads(benchmark::State& state, wire_ends& ends) {
    while (state.KeepRunningBatch(batch)) {
        state.PauseTiming();
        co_await fill_input(ends);
        const auto turn = ends.turn();
        state.ResumeTiming();
        for (std::size_t i = 0; i < batch; ++i) {
            auto operation = ends.server.read_frame();
            const bool ready = operation.ready();
            auto got = operation.take();
            benchmark::DoNotOptimize(got);
            if (!ready) [[unlikely]]
                state.SkipWithError("the operation was not ready");
            expect_frame(state, got);
        }
        expect_turn(state, ends, turn);
    }
}

task<> await_buffered_reads(benchmark::State& state, wire_ends& ends) {
    while (state.KeepRunningBatch(batch)) {
        state.PauseTiming();
        co_await fill_input(ends);
        const auto turn = ends.turn();
        state.ResumeTiming();
        for (std::size_t i = 0; i < batch; ++i) {
            auto got = co_await ends.server.read_frame();
            benchmark::DoNotOptimize(got);
            expect_frame(state, got);
        }
        expect_turn(state, ends, turn);
    }
}

// Outside of task<> a frame at hand comes by post.
asio::awaitable<void> await_buffered_reads_as_asio(benchmark::State& state, wire_ends& ends) {
    while (state.KeepRunningBatch(batch)) {
        state.PauseTiming();
        co_await fill_input(ends);
        state.ResumeTiming();
        for (std::size_t i = 0; i < batch; ++i) {
            auto got = co_await ends.server.read_frame()(asio::use_awaitable);
            benchmark::DoNotOptimize(got);
            expect_frame(state, got);
        }
    }
}

void buffered_read_call(benchmark::State& state) {
    wire_ends ends;
    bench::run_loop(ends.context, call_buffered_reads(state, ends));
}
BENCHMARK(buffered_read_call);

void buffered_read_task_await(benchmark::State& state) {
    wire_ends ends;
    bench::run_loop(ends.context, await_buffered_reads(state, ends));
}
BENCHMARK(buffered_read_task_await);

void buffered_read_awaitable_await(benchmark::State& state) {
    wire_ends ends;
    bench::run_loop(ends.context, task<>(await_buffered_reads_as_asio(state, ends)));
}
BENCHMARK(buffered_read_awaitable_await);

// Sends a batch on, so that the next one begins with nothing queued.
task<> drain_output(benchmark::State& state, wire_ends& ends) {
    if (ends.server.queued() != batch * frame_size)
        state.SkipWithError("a write was not queued, or sent early");
    co_await ends.server.flush();
    const auto got = co_await ends.client.read_some();
    if (!got || got->size() != batch * frame_size)
        state.SkipWithError("not the bytes that were written");
}

task<> call_queued_writes(benchmark::State& state, wire_ends& ends) {
    while (state.KeepRunningBatch(batch)) {
        const auto turn = ends.turn();
        for (std::size_t i = 0; i < batch; ++i)
            if (!ends.server.write_frame(ends.payload).ready()) [[unlikely]]
                state.SkipWithError("the operation was not ready");
        expect_turn(state, ends, turn);
        state.PauseTiming();
        co_await drain_output(state, ends);
        state.ResumeTiming();
    }
}

task<> await_queued_writes(benchmark::State& state, wire_ends& ends) {
    while (state.KeepRunningBatch(batch)) {
        const auto turn = ends.turn();
        for (std::size_t i = 0; i < batch; ++i)
            co_await ends.server.write_frame(ends.payload);
        expect_turn(state, ends, turn);
        state.PauseTiming();
        co_await drain_output(state, ends);
        state.ResumeTiming();
    }
}

// The same bytes into memory that is there.
void queued_write_memcpy(benchmark::State& state) {
    const wire_ends ends;
    bytes output(batch * frame_size);
    while (state.KeepRunningBatch(batch)) {
        std::byte* to = output.data();
        for (std::size_t i = 0; i < batch; ++i) {
            auto length = static_cast<std::uint32_t>(ends.payload.size());
            benchmark::DoNotOptimize(length);  // of any size
            std::memcpy(to, &length, sizeof length);
            std::memcpy(to + sizeof length, ends.payload.data(), length);
            to += sizeof length + length;
            benchmark::ClobberMemory();
        }
    }
}
BENCHMARK(queued_write_memcpy);

void queued_write_call(benchmark::State& state) {
    wire_ends ends;
    bench::run_loop(ends.context, call_queued_writes(state, ends));
}
BENCHMARK(queued_write_call);

void queued_write_task_await(benchmark::State& state) {
    wire_ends ends;
    bench::run_loop(ends.context, await_queued_writes(state, ends));
}
BENCHMARK(queued_write_task_await);

}  // namespace
}  // namespace coserve
