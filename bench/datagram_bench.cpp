// What a datagram costs beside the kernel: received, replied to, and the same bytes to many.
#include "datagram_batch.hpp"
#include "datagram_queue.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <netinet/in.h>
#include <span>
#include <string>
#include <vector>

namespace coserve {
namespace {

constexpr std::size_t size = 64;

endpoint loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return {reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

// A kernel that has all at once, and takes all.
class instant_transport final : public datagram_transport {
public:
    int receive(std::span<mmsghdr> into) noexcept override {
        for (mmsghdr& m : into) {
            m.msg_hdr.msg_namelen = peer_.to_sockaddr(static_cast<sockaddr*>(m.msg_hdr.msg_name));
            m.msg_hdr.msg_flags = 0;
            m.msg_len = size;
        }
        return static_cast<int>(into.size());
    }

    int send(std::span<mmsghdr> from) noexcept override {
        benchmark::DoNotOptimize(from.data());
        return static_cast<int>(from.size());
    }

    int next_refusal(endpoint&) noexcept override { return 0; }

    void watch(core&, watcher&) override {}
    void unwatch() noexcept override {}
    void stop_arrivals() noexcept override {}
    void close() noexcept override {}

    const endpoint& local() const noexcept override { return local_; }

private:
    const endpoint peer_ = loopback(9), local_ = loopback(7);
};

void per_datagram(benchmark::State& state, std::size_t count) {
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}

void datagram_reply(benchmark::State& state) {
    instant_transport transport;
    datagram_counters counters;
    const datagram_limits limits;
    datagram_batch batch(limits.max_datagram, transport.local());
    datagram_queue queue(limits, false, counters);
    const auto count = static_cast<unsigned>(state.range());
    for (auto _ : state) {
        batch.fill(static_cast<unsigned>(transport.receive(batch.room().first(count))));
        for (unsigned i = 0; i < count; ++i) {
            const datagram d = batch[i];
            queue.add(d.sender, &d.local, queue.keep(d.data));
        }
        queue.flush(transport);
    }
    per_datagram(state, count);
}

void datagram_to_many(benchmark::State& state) {
    instant_transport transport;
    datagram_counters counters;
    datagram_queue queue({}, false, counters);
    const std::vector<endpoint> peers(static_cast<std::size_t>(state.range()), transport.local());
    const std::string text(size, 'x');
    for (auto _ : state) {
        const auto piece = queue.keep(frame_view(text));
        for (const endpoint& peer : peers)
            queue.add(peer, nullptr, piece);
        queue.flush(transport);
    }
    per_datagram(state, peers.size());
}

BENCHMARK(datagram_reply)->Arg(1)->Arg(64);
BENCHMARK(datagram_to_many)->Arg(10)->Arg(100)->Arg(1000);

}  // namespace
}  // namespace coserve
