/// \file
/// What a datagram service sends through: one core's socket of one listener.
#pragma once

#include <coserve/datagram.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace coserve {

class datagram_channel;

/// Sending queues a copy of the bytes, in the call. The queue goes out when it holds 64 datagrams,
/// and at the end of the core's turn at the latest, with one system call for up to 64 of them.
/// While the socket takes no more it waits, up to the bounds `send-queue` and
/// `send-queue-per-peer`; what is over them is dropped and counted: UDP has no backpressure.
///
/// Errors: none are thrown. What the network says about a datagram comes later, as
/// `datagram_handler::unreachable` and in `stats()`.
/// Thread: on its core.
class datagram_port {
public:
    /// To the datagram's sender, from the address that the datagram came to.
    /// false: dropped, and counted.
    bool reply(const datagram& to, frame_view);

    /// To anybody, from the address that the kernel chooses where the listener has several.
    bool send(const endpoint& to, frame_view);
    /// The same from one of the listener's addresses (a `datagram::local`), where its peer knows it
    /// by that.
    bool send(const endpoint& to, frame_view, const endpoint& from);

    /// The same bytes to each: they are kept once. How many were not dropped.
    std::size_t send(std::span<const endpoint> to, frame_view);
    /// The same from one of the listener's addresses.
    std::size_t send(std::span<const endpoint> to, frame_view, const endpoint& from);

    /// Of this core.
    datagram_stats stats() const noexcept;
    /// How many datagrams to that peer were dropped, failed, or were answered by an ICMP error
    /// (which anybody on the way can send) on this core. Some thousand peers are kept in mind;
    /// where there are more, all counts begin anew.
    std::uint64_t dropped(const endpoint& peer) const noexcept;

    /// The listener's address and port; the address may be unspecified, for all of the machine's.
    const endpoint& local() const noexcept;

private:
    friend class datagram_session;

    explicit datagram_port(datagram_channel& c) noexcept : channel_(&c) {}

    datagram_channel* channel_;
};

}  // namespace coserve
