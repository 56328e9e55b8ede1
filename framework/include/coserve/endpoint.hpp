/// \file
/// The address of one end of a connection.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

struct sockaddr;

namespace coserve {

/// An IPv4 or IPv6 address and port, or the process at the other end of a Unix socket.
class endpoint {
public:
    /// The two ends of something in memory.
    endpoint() noexcept = default;

    /// From what the kernel gave. Families other than IPv4 and IPv6 count as Unix.
    endpoint(const sockaddr* address, std::size_t size) noexcept;

    /// From an address as text, IPv6 without brackets.
    /// Errors: `configuration_error` where it is none; names are not resolved.
    static endpoint ip(std::string_view address, std::uint16_t port);

    /// The process at the other end of a Unix socket.
    static endpoint unix_peer(std::int32_t process) noexcept;

    /// `127.0.0.1:7700`, `[::1]:7700`, `unix:pid=17`, `memory`.
    std::string to_string() const;

    /// The address without the port, for counting by source; empty where there is none.
    std::string address() const;

    std::uint16_t port() const noexcept;
    endpoint with_port(std::uint16_t) const noexcept;

    /// Unix sockets and memory included.
    bool is_loopback() const noexcept;

    /// `0.0.0.0` or `::`: what a socket is bound to that takes what comes to any address.
    bool is_unspecified() const noexcept;

    bool is_v6() const noexcept { return family_ == family::v6; }

    /// Writes it as the kernel wants it into `room`, of 28 bytes (`sockaddr_in6`) or more, and
    /// gives the size; 0 where it is no IP address.
    std::size_t to_sockaddr(sockaddr* room) const noexcept;

    std::size_t hash() const noexcept;

    friend bool operator==(const endpoint&, const endpoint&) = default;

private:
    enum class family : std::uint8_t { memory, local, v4, v6 };

    family family_ = family::memory;
    std::uint16_t port_ = 0;
    std::uint32_t scope_ = 0;                 // v6: interface; local: process
    std::array<std::uint8_t, 16> address_{};  // v4: the first four
};

}  // namespace coserve

template <>
struct std::hash<coserve::endpoint> {
    std::size_t operator()(const coserve::endpoint& e) const noexcept { return e.hash(); }
};
