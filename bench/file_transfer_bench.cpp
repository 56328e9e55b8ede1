// A file from a socket, and to it: the ways that the kernel has, side by side. Directories to
// measure in: COSERVE_BENCH_DIRECTORY, and /dev/shm where nothing is said.
//
// A thread sends or receives the other end with plain calls; the processor time is that of the
// thread that has the file.
#include "file_sending.hpp"
#include "file_transfer.hpp"
#include "sockets.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <thread>
#include <vector>

namespace coserve {
namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

std::string directory() {
    const char* const chosen = std::getenv("COSERVE_BENCH_DIRECTORY");
    return chosen ? chosen : "/dev/shm";
}

bench::descriptor new_file() {
    return bench::descriptor(
        bench::checked(::open(directory().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), "open")
    );
}

void wait_for(int socket, short what) {
    pollfd p{socket, what, 0};
    ::poll(&p, 1, -1);
}

void send_all(int socket, std::uint64_t size) {
    const std::vector<char> data(mib, 'x');
    while (size != 0) {
        const ssize_t n =
            ::send(socket, data.data(), std::min<std::uint64_t>(size, mib), MSG_NOSIGNAL);
        if (n > 0)
            size -= static_cast<std::uint64_t>(n);
        else
            wait_for(socket, POLLOUT);
    }
}

void receive_all(int socket, std::uint64_t size) {
    std::vector<char> data(mib);
    while (size != 0) {
        const ssize_t n = ::recv(socket, data.data(), data.size(), 0);
        if (n > 0)
            size -= static_cast<std::uint64_t>(n);
        else
            wait_for(socket, POLLIN);
    }
}

double thread_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

enum class way : std::int64_t { splice, copy };

/// Arguments: the way, its buffer in KiB, whether the file's room is taken first, the file in MiB.
void receive_file(benchmark::State& state) {
    const auto how = static_cast<way>(state.range(0));
    const auto buffer = static_cast<std::size_t>(state.range(1)) << 10;
    const std::uint64_t size = static_cast<std::uint64_t>(state.range(3)) * mib;
    for (auto _ : state) {
        const bench::socket_pair ends = bench::tcp_pair();
        const bench::descriptor file = new_file();
        std::jthread sender(send_all, ends.client.get(), size);
        const double start = thread_seconds();
        if (state.range(2) != 0)
            bench::checked(
                ::fallocate(file.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)),
                "fallocate"
            );
        for (std::uint64_t left = size; left != 0;) {
            const file_transfer t =
                how == way::splice
                    ? splice_to_file(ends.server.get(), file.get(), left)
                    : copy_to_file(ends.server.get(), file.get(), left, nullptr, nullptr, buffer);
            left -= t.size;
            if (t.file_error != 0 || t.ended) {
                state.SkipWithError("it failed");
                return;
            }
            if (left != 0)
                wait_for(ends.server.get(), POLLIN);
        }
        state.SetIterationTime(thread_seconds() - start);
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * size));
}

void receive_ways(benchmark::internal::Benchmark* b) {
    b->ArgNames({"way", "KiB", "fallocate", "MiB"});
    const std::int64_t size = std::getenv("COSERVE_BENCH_DIRECTORY") ? 1024 : 16;
    for (const std::int64_t allocates : {0, 1}) {
        b->Args({static_cast<std::int64_t>(way::splice), 1024, allocates, size});
        for (const std::int64_t buffer : {64, 256, 1024})
            b->Args({static_cast<std::int64_t>(way::copy), buffer, allocates, size});
    }
}

BENCHMARK(receive_file)->Apply(receive_ways)->UseManualTime()->Unit(benchmark::kMillisecond);

/// Argument: whether the kernel does it alone.
void send_file(benchmark::State& state) {
    constexpr std::uint64_t size = 16 * mib;
    const bench::descriptor file = new_file();
    bench::checked(::ftruncate(file.get(), size), "ftruncate");
    std::vector<std::byte> piece(256 << 10);
    for (auto _ : state) {
        const bench::socket_pair ends = bench::tcp_pair();
        std::jthread receiver(receive_all, ends.client.get(), size);
        ::lseek(file.get(), 0, SEEK_SET);
        const double start = thread_seconds();
        for (std::uint64_t left = size; left != 0;) {
            if (state.range(0) != 0) {
                left -= send_from_file(ends.server.get(), file.get(), left).size;
            } else {
                const std::uint64_t got = read_from_file(file.get(), piece).size;
                for (std::uint64_t sent = 0; sent != got;) {
                    const ssize_t n =
                        ::send(ends.server.get(), piece.data() + sent, got - sent, MSG_NOSIGNAL);
                    if (n > 0)
                        sent += static_cast<std::uint64_t>(n);
                    else
                        wait_for(ends.server.get(), POLLOUT);
                }
                left -= got;
            }
            if (left != 0)
                wait_for(ends.server.get(), POLLOUT);
        }
        state.SetIterationTime(thread_seconds() - start);
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * size));
}

BENCHMARK(send_file)
    ->ArgName("sendfile")
    ->Arg(0)
    ->Arg(1)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace coserve
