/// \file
/// The address of one end of a connection.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

struct sockaddr;

namespace coserve {

/// An IPv4 or IPv6 address and port, or the process at the other end of a Unix socket.
class endpoint {
public:
    /// The two ends of something in memory.
    endpoint() noexcept = default;

    /// From what the kernel gave. Families other than IPv4 and IPv6 count as Unix.
    endpoint(const sockaddr* address, std::size_t size) noexcept;

    /// The process at the other end of a Unix socket.
    static endpoint unix_peer(std::int32_t process) noexcept;

    /// `127.0.0.1:7700`, `[::1]:7700`, `unix:pid=17`, `memory`.
    std::string to_string() const;

    /// The address without the port, for counting by source; empty where there is none.
    std::string address() const;

    std::uint16_t port() const noexcept;

    /// Unix sockets and memory included.
    bool is_loopback() const noexcept;

    friend bool operator==(const endpoint&, const endpoint&) = default;

private:
    enum class family : std::uint8_t { memory, local, v4, v6 };

    family family_ = family::memory;
    std::uint16_t port_ = 0;
    std::uint32_t scope_ = 0;                 // v6: interface; local: process
    std::array<std::uint8_t, 16> address_{};  // v4: the first four
};

}  // namespace coserve
