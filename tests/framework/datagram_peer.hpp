/// \file
/// A UDP client of plain system calls: it sees what a stranger's program would see.
#pragma once

#include "plain_peer.hpp"

#include <coserve/endpoint.hpp>
#include <coserve/url.hpp>

#include <cerrno>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

namespace coserve::server_check {

inline endpoint endpoint_of(const std::string& url) {
    const endpoint_url parsed = parse_url(url);
    return endpoint::ip(parsed.host, parsed.port);
}

class datagram_peer {
public:
    /// With an address of its own choice, or bound to one. It hears from everybody.
    explicit datagram_peer(const std::string& url, const std::string& bound_to = {})
        : to_(endpoint_of(url)),
          socket_(checked(
              ::socket(to_.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"
          )) {
        const endpoint at = endpoint::ip(
            !bound_to.empty() ? bound_to
            : to_.is_v6()     ? "::1"
                              : "127.0.0.1",
            0
        );
        sockaddr_in6 room{};
        auto* const generic = reinterpret_cast<sockaddr*>(&room);
        const auto size = static_cast<socklen_t>(at.to_sockaddr(generic));
        checked(::bind(socket_, generic, size), "bind");
    }

    datagram_peer(datagram_peer&& other) noexcept
        : to_(other.to_), socket_(std::exchange(other.socket_, -1)) {}

    datagram_peer& operator=(datagram_peer&&) = delete;

    ~datagram_peer() { close(); }

    void close() {
        if (socket_ >= 0)
            ::close(std::exchange(socket_, -1));
    }

    void send(std::string_view text) { send(text, to_); }

    void send(std::string_view text, const endpoint& to) {
        sockaddr_in6 room{};
        auto* const generic = reinterpret_cast<sockaddr*>(&room);
        const auto size = static_cast<socklen_t>(to.to_sockaddr(generic));
        checked(
            static_cast<int>(::sendto(socket_, text.data(), text.size(), 0, generic, size)),
            "sendto"
        );
    }

    bool readable(std::chrono::milliseconds within = std::chrono::milliseconds(0)) const {
        pollfd p{socket_, POLLIN, 0};
        return ::poll(&p, 1, static_cast<int>(within.count())) > 0;
    }

    /// The next, of which it waits for long; where it came from is `sender` then.
    std::string receive() {
        if (!readable(longest_wait))
            throw std::runtime_error("no datagram came");
        std::string text(65'536, '\0');
        sockaddr_in6 room{};
        socklen_t size = sizeof room;
        auto* const generic = reinterpret_cast<sockaddr*>(&room);
        text.resize(static_cast<std::size_t>(checked(
            static_cast<int>(::recvfrom(socket_, text.data(), text.size(), 0, generic, &size)),
            "recvfrom"
        )));
        sender = endpoint(generic, size);
        return text;
    }

    std::string ask(std::string_view text) {
        send(text);
        return receive();
    }

    endpoint sender;

private:
    endpoint to_;
    int socket_;
};

}  // namespace coserve::server_check
