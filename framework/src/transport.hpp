// What carries a stream's bytes: one virtual call a system call.
#pragma once

#include "readiness.hpp"

#include <coserve/endpoint.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <sys/uio.h>

namespace coserve {

struct transfer {
    std::size_t size = 0;
    int error = 0;  // an errno; EAGAIN: the next edge will tell
};

// One end of a two-way stream of bytes that never blocks. Thread: on its core.
class transport {
public:
    virtual ~transport() = default;

    // Tells `w` of edges from now on, the state as it is now being the first. Not in the call.
    // Errors: boost::system::system_error.
    virtual void watch(core&, watcher& w) = 0;
    virtual void unwatch() noexcept = 0;

    // Without: the edges of input are not told, as somebody else reads. With them again: the state
    // as it is then is an edge. Only where there is a descriptor.
    virtual void watch_input(bool) noexcept {}

    // Size 0 without an error: the peer has finished. Less than there was room for: nothing more is
    // there now, unless an edge told of urgent data (EPOLLPRI), where a read stops.
    virtual transfer read(std::span<std::byte>) noexcept = 0;
    virtual transfer write(std::span<const iovec>) noexcept = 0;

    virtual void shutdown_write() noexcept = 0;
    // Unread input makes it a reset.
    virtual void close() noexcept = 0;
    virtual void reset() noexcept = 0;

    // Bytes that a read would give now.
    virtual std::size_t arrived() const noexcept = 0;
    // Bytes of ours that the peer has not acknowledged.
    virtual std::size_t unacknowledged() const noexcept = 0;

    // A socket's, for calls that need one; -1: there is none.
    virtual int descriptor() const noexcept { return -1; }

    virtual const endpoint& peer() const noexcept = 0;
    virtual endpoint local() const noexcept = 0;
};

}  // namespace coserve
