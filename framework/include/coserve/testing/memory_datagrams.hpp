/// \file
/// A network in memory that loses no datagram, changes none and delivers them in their order.
#pragma once

#include <coserve/datagram_socket.hpp>
#include <coserve/endpoint.hpp>
#include <coserve/frame.hpp>
#include <coserve/io.hpp>
#include <coserve/limits.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace coserve::testing {

/// What is sent to an address where nobody is comes back as `connection_refused`, as ICMP has it.
///
/// Thread: on the context.
class memory_datagrams {
public:
    struct message {
        endpoint from;
        std::string text;

        friend bool operator==(const message&, const message&) = default;
    };

    explicit memory_datagrams(io_context&);
    ~memory_datagrams();

    /// A client's socket at an address, that speaks with one peer.
    datagram_socket
    open(const endpoint& at, const endpoint& peer, const datagram_limits& limits = {});

    /// Somebody at an address who only keeps what comes, for `take()`.
    void join(const endpoint& at);
    void leave(const endpoint& at);
    /// What has come there since the last time.
    std::vector<message> take(const endpoint& at);

    /// From any address, whoever is there.
    void send(const endpoint& from, const endpoint& to, frame_view);

    /// Where several sockets share an address, as the cores of a listener do: which of them gets
    /// what comes from there. Else that depends on the sender's address alone.
    void pin(const endpoint& from, std::size_t core);

    /// Whoever is at that address finds that nothing can be sent now, until `resume()`.
    void stall(const endpoint& at);
    void resume(const endpoint& at);

    struct state;

    /// For the test kit.
    const std::shared_ptr<state>& shared() const noexcept { return state_; }

private:
    std::shared_ptr<state> state_;
};

}  // namespace coserve::testing
