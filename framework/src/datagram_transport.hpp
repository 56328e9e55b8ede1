// What carries datagrams: one virtual call a system call, each for a batch.
#pragma once

#include "readiness.hpp"

#include <coserve/endpoint.hpp>

#include <span>
#include <sys/socket.h>

namespace coserve {

// A socket that never blocks. Batches are as recvmmsg and sendmmsg have them. Thread: on its core.
class datagram_transport {
public:
    virtual ~datagram_transport() = default;

    // Tells `w` of edges from now on, the state as it is now being the first. Not in the call.
    // Errors: boost::system::system_error.
    virtual void watch(core&, watcher& w) = 0;
    virtual void unwatch() noexcept = 0;

    // How many were received or sent, or an errno below zero. Fewer than there was room for:
    // nothing more is there now (the next edge will tell), or an error, which the next call tells.
    virtual int receive(std::span<mmsghdr>) noexcept = 0;
    virtual int send(std::span<mmsghdr>) noexcept = 0;

    // What the network said about a datagram sent earlier, as an errno; 0: nothing more.
    virtual int next_refusal(endpoint& peer) noexcept = 0;

    // What has arrived by now can still be received, and nothing that comes later.
    virtual void stop_arrivals() noexcept = 0;
    virtual void close() noexcept = 0;

    virtual const endpoint& local() const noexcept = 0;
};

}  // namespace coserve
