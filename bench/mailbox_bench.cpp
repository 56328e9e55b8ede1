// A frame to a connection of another core: until its peer has it, one at a time and many in a row.
//
// The posting thread is the peer too. Over TCP: a Unix socket tells its writer of each byte that
// its reader takes, which would be measured with it. Times are the wall clock's: two threads work.
#include <coserve/mailbox.hpp>

#include "sockets.hpp"

#include <coserve/io.hpp>
#include <coserve/testing/memory_wire.hpp>

#include <benchmark/benchmark.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <cstddef>
#include <cstdint>
#include <poll.h>
#include <sys/eventfd.h>
#include <thread>

namespace coserve {
namespace {

constexpr std::size_t payload_size = 64;
constexpr std::size_t frame_size = 4 + payload_size;
constexpr std::size_t batch = 100;

// Whether that many bytes came.
bool receive(int socket, std::size_t due, bytes& into) {
    while (due != 0) {
        const ssize_t size = ::recv(socket, into.data(), std::min(due, into.size()), 0);
        if (size > 0) {
            due -= static_cast<std::size_t>(size);
        } else if (size < 0 && errno == EAGAIN) {
            pollfd wait{socket, POLLIN, 0};
            ::poll(&wait, 1, -1);
        } else {
            return false;
        }
    }
    return true;
}

// A stream on a core of its own, and the socket of its peer.
class other_core {
public:
    other_core() : thread_([this] { context_.run(); }) {}

    other_core(const other_core&) = delete;
    other_core& operator=(const other_core&) = delete;

    ~other_core() {
        context_.stop();
        thread_.join();
    }

    int peer() const { return pair_.client.get(); }

    const mailbox& to_stream() const { return mailbox_; }

    // What one would write without a mailbox.
    void post_to_stream(bytes message) {
        asio::post(context_, [this, message = std::move(message)] {
            static_cast<void>(stream_.write_frame(message));
        });
    }

private:
    bench::socket_pair pair_ = bench::tcp_pair();
    io_context context_{1};
    asio::executor_work_guard<executor> work_{context_.get_executor()};
    frame_stream stream_ = testing::open_socket(context_, pair_.server.release());
    mailbox mailbox_ = stream_.sender();
    std::thread thread_;
};

template <class Post>
void deliver(benchmark::State& state, std::size_t count, const other_core& core, Post post) {
    bytes input(std::size_t{64} << 10);
    while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(count))) {
        for (std::size_t i = 0; i < count; ++i)
            post(bytes(payload_size, std::byte{'x'}));
        if (!receive(core.peer(), count * frame_size, input)) {
            state.SkipWithError("not all frames came");
            break;
        }
    }
}

// A thread that sends as soon as it is told.
void mail_one_eventfd_and_send(benchmark::State& state) {
    const auto pair = bench::tcp_pair();
    const bench::descriptor event(bench::checked(::eventfd(0, EFD_CLOEXEC), "eventfd"));
    const bytes frame(frame_size, std::byte{'x'});
    constexpr std::uint64_t send_one = 1, stop = 2;
    const auto tell = [&event](std::uint64_t what) {
        bench::checked(static_cast<int>(::write(event.get(), &what, sizeof what)), "write");
    };
    std::thread other([&] {
        std::uint64_t told = 0;
        while (::read(event.get(), &told, sizeof told) == sizeof told && told == send_one)
            bench::send_whole(pair.server.get(), frame);
    });
    bytes input(frame_size);
    for (auto _ : state) {
        tell(send_one);
        if (!receive(pair.client.get(), frame_size, input)) {
            state.SkipWithError("the frame did not come");
            break;
        }
    }
    tell(stop);
    other.join();
}
BENCHMARK(mail_one_eventfd_and_send)->UseRealTime();

void mail_one_asio_post(benchmark::State& state) {
    other_core core;
    deliver(state, 1, core, [&](bytes message) { core.post_to_stream(std::move(message)); });
}
BENCHMARK(mail_one_asio_post)->UseRealTime();

void post_to(benchmark::State& state, const mailbox& box, bytes message) {
    if (box.post(std::move(message)) != mailbox::result::queued)
        state.SkipWithError("the mailbox did not take it");
}

void mail_one_mailbox(benchmark::State& state) {
    other_core core;
    deliver(state, 1, core, [&](bytes message) {
        post_to(state, core.to_stream(), std::move(message));
    });
}
BENCHMARK(mail_one_mailbox)->UseRealTime();

void mail_many_asio_post(benchmark::State& state) {
    other_core core;
    deliver(state, batch, core, [&](bytes message) { core.post_to_stream(std::move(message)); });
}
BENCHMARK(mail_many_asio_post)->UseRealTime();

void mail_many_mailbox(benchmark::State& state) {
    other_core core;
    deliver(state, batch, core, [&](bytes message) {
        post_to(state, core.to_stream(), std::move(message));
    });
}
BENCHMARK(mail_many_mailbox)->UseRealTime();

}  // namespace
}  // namespace coserve
