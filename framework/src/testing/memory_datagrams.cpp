#include <coserve/testing/memory_datagrams.hpp>

#include "../core.hpp"
#include "../datagram_socket_state.hpp"
#include "memory_datagram_transport.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <netinet/in.h>
#include <optional>
#include <sys/epoll.h>
#include <unordered_map>
#include <utility>

namespace coserve::testing {

namespace {

// One socket, or somebody who keeps what comes.
struct place {
    std::deque<memory_datagrams::message> arrived;
    std::deque<std::pair<endpoint, int>> refusals;
    std::optional<endpoint> peer;  // the only one it takes from
    watcher* told = nullptr;
    bool takes_more = true;
};

}  // namespace

struct memory_datagrams::state {
    explicit state(io_context& c) : where(core::of(c)) {}

    void send(const endpoint& from, const endpoint& to, frame_view content) {
        const auto found = places.find(to);
        if (found == places.end())
            return refuse(from, to);
        place& there = of_peer(found->second, from);
        if (!there.takes_more || (there.peer && *there.peer != from))
            return;
        there.arrived.push_back({from, std::string(content.text())});
        tell(there, EPOLLIN);
    }

    void refuse(const endpoint& from, const endpoint& to) {
        const auto found = places.find(from);
        if (found == places.end())
            return;
        place& hears = of_peer(found->second, to);
        hears.refusals.emplace_back(to, ECONNREFUSED);
        tell(hears, EPOLLERR);
    }

    // Of sockets that share an address, the one that hears of this peer: also of what another one
    // sent to it.
    place& of_peer(const std::vector<std::shared_ptr<place>>& sharing, const endpoint& peer) const {
        const auto chosen = pinned.find(peer);
        const std::size_t index = chosen == pinned.end() ? peer.hash() : chosen->second;
        return *sharing[index % sharing.size()];
    }

    void tell(const place& p, std::uint32_t events) {
        if (p.told)
            where.readiness().tell_later(*p.told, events);
    }

    void remove(const endpoint& at, const place* p) {
        const auto found = places.find(at);
        if (found == places.end())
            return;
        std::erase_if(found->second, [p](const auto& each) { return each.get() == p; });
        if (found->second.empty())
            places.erase(found);
    }

    bool is_stalled(const endpoint& at) const {
        return std::ranges::find(stalled, at) != stalled.end();
    }

    core& where;
    std::unordered_map<endpoint, std::vector<std::shared_ptr<place>>> places;
    std::unordered_map<endpoint, std::size_t> pinned;
    std::vector<endpoint> stalled;
};

namespace {

class memory_datagram_transport final : public datagram_transport {
public:
    memory_datagram_transport(
        std::shared_ptr<memory_datagrams::state> network,
        const endpoint& at,
        std::optional<endpoint> peer
    )
        : network_(std::move(network)), at_(at) {
        place_->peer = std::move(peer);
        network_->places[at_].push_back(place_);
    }

    ~memory_datagram_transport() override { close(); }

    void watch(core& c, watcher& w) override {
        c.readiness().add(w);
        place_->told = &w;
        network_->tell(*place_, EPOLLIN | EPOLLOUT);
    }

    void unwatch() noexcept override {
        if (place_->told)
            network_->where.readiness().remove(*std::exchange(place_->told, nullptr));
    }

    int receive(std::span<mmsghdr> into) noexcept override {
        int count = 0;
        for (mmsghdr& m : into) {
            if (place_->arrived.empty())
                break;
            hand_over(place_->arrived.front(), m);
            place_->arrived.pop_front();
            ++count;
        }
        return count != 0 ? count : -EAGAIN;
    }

    int send(std::span<mmsghdr> from) noexcept override {
        if (network_->is_stalled(at_))
            return -EAGAIN;
        for (const mmsghdr& m : from) {
            const endpoint to =
                m.msg_hdr.msg_name
                    ? endpoint(
                          static_cast<const sockaddr*>(m.msg_hdr.msg_name), m.msg_hdr.msg_namelen
                      )
                    : place_->peer.value_or(endpoint());
            const iovec& part = *m.msg_hdr.msg_iov;
            network_->send(
                at_, to, std::span(static_cast<const std::byte*>(part.iov_base), part.iov_len)
            );
        }
        return static_cast<int>(from.size());
    }

    int next_refusal(endpoint& peer) noexcept override {
        if (place_->refusals.empty())
            return 0;
        const auto [from, error] = place_->refusals.front();
        place_->refusals.pop_front();
        peer = from;
        return error;
    }

    void stop_arrivals() noexcept override { place_->takes_more = false; }

    void close() noexcept override {
        unwatch();
        network_->remove(at_, place_.get());
    }

    const endpoint& local() const noexcept override { return at_; }

private:
    static void hand_over(const memory_datagrams::message& from, mmsghdr& to) noexcept {
        msghdr& m = to.msg_hdr;
        const std::size_t size = std::min(from.text.size(), m.msg_iov->iov_len);
        std::memcpy(m.msg_iov->iov_base, from.text.data(), size);
        to.msg_len = static_cast<unsigned>(size);
        m.msg_flags = size < from.text.size() ? MSG_TRUNC : 0;
        m.msg_namelen =
            static_cast<socklen_t>(from.from.to_sockaddr(static_cast<sockaddr*>(m.msg_name)));
        m.msg_controllen = 0;
    }

    const std::shared_ptr<memory_datagrams::state> network_;
    const endpoint at_;
    const std::shared_ptr<place> place_ = std::make_shared<place>();
};

}  // namespace

std::unique_ptr<datagram_transport>
make_memory_datagram_transport(const memory_datagrams& network, const endpoint& at) {
    return std::make_unique<memory_datagram_transport>(network.shared(), at, std::nullopt);
}

memory_datagrams::memory_datagrams(io_context& context)
    : state_(std::make_shared<state>(context)) {}

memory_datagrams::~memory_datagrams() = default;

datagram_socket
memory_datagrams::open(const endpoint& at, const endpoint& peer, const datagram_limits& limits) {
    return datagram_socket(std::make_unique<datagram_socket_state>(
        state_->where, std::make_unique<memory_datagram_transport>(state_, at, peer), peer, limits
    ));
}

void memory_datagrams::join(const endpoint& at) {
    if (!state_->places.contains(at))
        state_->places[at].push_back(std::make_shared<place>());
}

void memory_datagrams::leave(const endpoint& at) {
    state_->places.erase(at);
}

std::vector<memory_datagrams::message> memory_datagrams::take(const endpoint& at) {
    const auto found = state_->places.find(at);
    if (found == state_->places.end())
        return {};
    const auto arrived = std::exchange(found->second.front()->arrived, {});
    return {arrived.begin(), arrived.end()};
}

void memory_datagrams::send(const endpoint& from, const endpoint& to, frame_view content) {
    state_->send(from, to, content);
}

void memory_datagrams::pin(const endpoint& from, std::size_t core) {
    state_->pinned[from] = core;
}

void memory_datagrams::stall(const endpoint& at) {
    if (!state_->is_stalled(at))
        state_->stalled.push_back(at);
}

void memory_datagrams::resume(const endpoint& at) {
    std::erase(state_->stalled, at);
    const auto found = state_->places.find(at);
    if (found == state_->places.end())
        return;
    for (const auto& there : found->second)
        state_->tell(*there, EPOLLOUT);
}

}  // namespace coserve::testing
