/// \file
/// One datagram as it came, and how many came and went.
#pragma once

#include <coserve/endpoint.hpp>
#include <coserve/frame.hpp>

#include <cstddef>
#include <cstdint>

namespace coserve {

/// What one datagram over IPv4 holds at most.
inline constexpr std::size_t longest_datagram = 65'507;

/// Lifetime: during the call that it is given to, or until the next receive of the socket that gave
/// it. To keep something of it, copy that: `data.copy()`, `endpoint(sender)`.
struct datagram {
    frame data;              ///< mutable: change it in place and send it back; may be empty
    const endpoint& sender;  ///< whom a reply goes to
    const endpoint& local;   ///< the address it came to, which a reply leaves from
    bool truncated = false;  ///< it was longer than `max-datagram`, and its end is lost
};

template <>
inline constexpr bool is_borrowed<datagram> = true;

/// Since the start. What the kernel dropped before it was received is not in it.
struct datagram_stats {
    std::uint64_t received = 0;     ///< with the next two
    std::uint64_t truncated = 0;    ///< received, and longer than `max-datagram`
    std::uint64_t refused = 0;      ///< received, and turned away by `verify_request`
    std::uint64_t sent = 0;         ///< taken by the kernel
    std::uint64_t dropped = 0;      ///< not sent: a bound of the queue was reached
    std::uint64_t failed = 0;       ///< not sent: the kernel refused it, or it was too long
    std::uint64_t unreachable = 0;  ///< sent, and answered by an ICMP error
    std::uint64_t errors = 0;       ///< exceptions that left a handler or one of its tasks

    datagram_stats& operator+=(const datagram_stats& o) noexcept {
        received += o.received;
        truncated += o.truncated;
        refused += o.refused;
        sent += o.sent;
        dropped += o.dropped;
        failed += o.failed;
        unreachable += o.unreachable;
        errors += o.errors;
        return *this;
    }

    friend bool operator==(const datagram_stats&, const datagram_stats&) = default;
};

}  // namespace coserve
