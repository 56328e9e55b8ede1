// From one core to another: `round_trip` wakes a core that sleeps, `posts` are many in a row.
//
// Times are the wall clock's: two threads work. On one processor each trip is a context switch.
#include <coserve/core_pool.hpp>

#include "sockets.hpp"

#include <coserve/core_local.hpp>

#include <benchmark/benchmark.h>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <sys/eventfd.h>
#include <thread>

namespace coserve {
namespace {

constexpr std::size_t batch = 1000;

// Core 0 is the benchmark's own thread.
template <class Executor>
class two_cores {
public:
    explicit two_cores(benchmark::State& state) : state_(state) {}

    void run_round_trips() {
        asio::post(here_, [this] { ping(); });
        pool_.run();
    }

    void run_posts() {
        asio::post(here_, [this] { post_batch(); });
        pool_.run();
    }

private:
    void ping() {
        if (!state_.KeepRunning())
            return pool_.stop();
        asio::post(there_, [this] {
            if (this_core() != 1)
                state_.SkipWithError("it did not go to the other core");
            asio::post(here_, [this] { ping(); });
        });
    }

    void post_batch() {
        if (!state_.KeepRunningBatch(batch))
            return pool_.stop();
        for (std::size_t i = 0; i < batch; ++i)
            asio::post(there_, [this] { arrive(); });
    }

    void arrive() {
        if (++arrived_ < batch)
            return;
        if (this_core() != 1)
            state_.SkipWithError("it did not go to the other core");
        arrived_ = 0;
        asio::post(here_, [this] { post_batch(); });
    }

    benchmark::State& state_;
    core_pool pool_{2};
    Executor here_ = pool_[0].get_executor(), there_ = pool_[1].get_executor();
    std::size_t arrived_ = 0;  // core 1's
};

class event {
public:
    void tell() const {
        const std::uint64_t one = 1;
        bench::checked(static_cast<int>(::write(fd_.get(), &one, sizeof one)), "write");
    }

    void await() const {
        std::uint64_t count = 0;
        bench::checked(static_cast<int>(::read(fd_.get(), &count, sizeof count)), "read");
    }

private:
    bench::descriptor fd_{bench::checked(::eventfd(0, EFD_CLOEXEC), "eventfd")};
};

void core_round_trip_eventfd(benchmark::State& state) {
    const event there, here;
    std::atomic<bool> done = false;
    std::thread other([&] {
        for (there.await(); !done; there.await())
            here.tell();
    });
    for (auto _ : state) {
        there.tell();
        here.await();
    }
    done = true;
    there.tell();
    other.join();
}
BENCHMARK(core_round_trip_eventfd)->UseRealTime();

void core_round_trip_executor(benchmark::State& state) {
    two_cores<executor>(state).run_round_trips();
}
BENCHMARK(core_round_trip_executor)->UseRealTime();

void core_round_trip_any_io_executor(benchmark::State& state) {
    two_cores<asio::any_io_executor>(state).run_round_trips();
}
BENCHMARK(core_round_trip_any_io_executor)->UseRealTime();

void core_posts_executor(benchmark::State& state) {
    two_cores<executor>(state).run_posts();
}
BENCHMARK(core_posts_executor)->UseRealTime();

void core_posts_any_io_executor(benchmark::State& state) {
    two_cores<asio::any_io_executor>(state).run_posts();
}
BENCHMARK(core_posts_any_io_executor)->UseRealTime();

}  // namespace
}  // namespace coserve
