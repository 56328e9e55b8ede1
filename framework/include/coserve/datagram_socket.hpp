/// \file
/// A client's end of an exchange of datagrams.
#pragma once

#include <coserve/datagram.hpp>
#include <coserve/limits.hpp>
#include <coserve/task.hpp>
#include <coserve/units.hpp>

#include <memory>
#include <optional>
#include <string_view>

namespace coserve {

class datagram_socket_state;

/// A socket that speaks with one peer. What others send to it is not received.
///
/// Lifetime: it may be destroyed at any time; what is queued is sent before, as far as the kernel
/// takes it. A receive that waits must have ended.
/// Thread: on its core.
class datagram_socket {
public:
    /// For the framework and its test kit.
    explicit datagram_socket(std::unique_ptr<datagram_socket_state>) noexcept;
    datagram_socket(datagram_socket&&) noexcept;
    datagram_socket& operator=(datagram_socket&&) noexcept;
    ~datagram_socket();

    /// Queues a copy; see `datagram_port`, whose bounds it has. false: dropped, and counted.
    bool send(frame_view);

    /// What has arrived, without waiting. The datagram is valid until the next receive.
    /// Errors: what the network said about something that was sent, such as `connection_refused`,
    /// once; the socket may be used on.
    std::optional<datagram> try_receive();

    /// The next one; nullopt: none came in that time.
    /// Errors: as `try_receive()`; `errc::concurrent_read`.
    /// Cancellation: throws, and nothing is lost.
    task<std::optional<datagram>> receive(duration limit);

    const endpoint& peer() const noexcept;
    const endpoint& local() const noexcept;
    datagram_stats stats() const noexcept;

private:
    std::unique_ptr<datagram_socket_state> state_;
};

/// Opens one to `udp://HOST:PORT`, whose query takes the keys of `datagram_limits`. Nothing is
/// sent: that a server is there only its replies tell. Of a name's addresses the first is taken
/// that this machine has a route to. The coroutine's executor must be an io_context's own.
///
/// Errors: `configuration_error` in the call, for what is wrong in the URL; `errc::wrong_executor`,
/// `errc::timeout` (resolving the name), or why the last address failed.
task<datagram_socket> connect_datagrams(std::string_view url, duration limit);

}  // namespace coserve
