/// \file
/// A connection in memory that splits, stalls and breaks on demand.
#pragma once

#include <coserve/frame_stream.hpp>
#include <coserve/framing.hpp>
#include <coserve/io.hpp>
#include <coserve/limits.hpp>

#include <cstddef>
#include <memory>

namespace coserve::testing {

/// How a stream reads and writes; by default as a listener does.
struct stream_options {
    stream_limits limits;
    codec_factory read, write;  ///< unset: length-prefix

    stream_options() = default;

    explicit stream_options(codec_factory both) : read(both), write(std::move(both)) {}
};

/// A stream over a connected, non-blocking socket, which it owns from here on.
frame_stream open_socket(io_context&, int socket, const stream_options& = {});

/// Two ends, and what the bytes between them meet. By default it behaves like a socket pair.
///
/// Thread: on the context.
class memory_wire {
public:
    enum class end { client, server };

    explicit memory_wire(io_context&);
    ~memory_wire();

    /// Each end is opened once.
    frame_stream open(end, const stream_options& = {});

    /// Bytes that may be on their way in each direction before a write blocks; 64 KiB at first.
    void set_capacity(std::size_t bytes);
    /// A read gives at most that many bytes; 0: all that there is.
    void split(std::size_t bytes);
    /// From now on nothing arrives, in either direction, until `resume()`.
    void stall();
    void resume();
    /// That end has nothing more to send, and still reads.
    void finish(end from);
    /// Both ends find the connection reset.
    void cut();
    /// Bytes on their way to an end.
    std::size_t in_flight(end to) const;

    struct state;

    /// For the test kit.
    const std::shared_ptr<state>& shared() const noexcept { return state_; }

private:
    std::shared_ptr<state> state_;
};

}  // namespace coserve::testing
