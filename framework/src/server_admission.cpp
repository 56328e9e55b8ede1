// Which connections a server_state takes, and on which core each of them lives.
#include "server_state.hpp"
#include "socket_transport.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace coserve {

void server_state::admit(
    const std::shared_ptr<listener_state>& l, unique_fd fd, const endpoint& peer
) {
    accepted_.fetch_add(1, std::memory_order_relaxed);
    const listener_options& o = l->options;
    if (options_.max_connections != 0 && active_ >= options_.max_connections)
        return refuse(*l, peer, "the server's max-connections is reached");
    if (o.max_connections != 0 && l->active >= o.max_connections)
        return refuse(*l, peer, "max-connections is reached");
    std::string address;
    if (o.max_connections_per_peer != 0 && !peer.is_loopback())
        address = peer.address();
    if (!address.empty() && !l->peers.enter(address, o.max_connections_per_peer))
        return refuse(*l, peer, "max-connections-per-peer is reached");
    const std::size_t where = least_loaded();
    connection_permit permit(shared_from_this(), l, where);
    if (!address.empty())
        permit.count_peer(std::move(address));
    auto start = [this, where, fd = std::move(fd), peer, permit = std::move(permit)]() mutable {
        start_session(where, make_socket_transport(std::move(fd), peer), std::move(permit));
    };
    if (where == 0)
        start();
    else
        asio::post(*cores_[where]->context, std::move(start));
}

void server_state::start_session(
    std::size_t where, std::unique_ptr<transport> t, connection_permit permit
) {
    try {
        session::start(core::of(*cores_[where]->context), std::move(t), std::move(permit));
    } catch (...) {
        log_failure("cannot start a connection", std::current_exception());
    }
}

std::size_t server_state::least_loaded() const noexcept {
    const auto least =
        std::ranges::min_element(cores_, {}, [](const auto& c) { return c->active.load(); });
    return static_cast<std::size_t>(least - cores_.begin());
}

// Closing the descriptor is all that the peer is told. The log has a line a second at most.
void server_state::refuse(const listener_state& l, const endpoint& peer, std::string_view why) {
    count_refusal();
    if (!caps_logged_.ask(first_core().timers().now()))
        return;
    const std::string who = peer.to_string();
    const std::array<log_field, 4> fields{
        {{"peer", who}, {"listener", l.url}, {"service", l.service}, {"reason", why}}
    };
    log({log_level::warning, "connection refused", fields});
}

}  // namespace coserve
