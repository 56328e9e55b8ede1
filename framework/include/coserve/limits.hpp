/// \file
/// What one connection, or one socket of datagrams, may take: bytes and time.
#pragma once

#include <coserve/option_reader.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace coserve {

/// The limits and deadlines of a stream, each with the name of its key in a listener's URL. Sizes
/// are bytes; a time of 0 is none.
struct stream_limits {
    /// `max-frame`: the longest payload that is read; 1 to 4 GiB. Memory for it is taken as it
    /// arrives.
    std::size_t max_frame = std::size_t{16} << 20;
    /// `max-send-frame`: the longest payload that is written; 1 to 4 GiB.
    std::size_t max_send_frame = std::size_t{16} << 20;
    /// `frame-timeout`: for the rest of a frame that has begun, and `frame_timeout_step` on top for
    /// each `frame_timeout_bytes` of it. 0: none.
    duration frame_timeout = std::chrono::seconds(10);
    /// `first-frame-timeout`: while a read waits for a connection's first byte. 0: `idle_timeout`.
    duration first_frame_timeout{};
    /// `idle-timeout`: while a read waits and no frame has begun. 0: none.
    duration idle_timeout{};
    /// `write-timeout`: while output waits and the peer takes none of it. 0: none.
    duration write_timeout = std::chrono::seconds(30);
    /// `high-water`: queued output above which a write waits; 1 to 1 GiB.
    std::size_t high_water = std::size_t{64} << 10;
    /// `low-water`: queued output at which it goes on; 0 (all was sent) to `high_water`.
    std::size_t low_water = std::size_t{32} << 10;

    /// Into a file, while no byte comes; none where `frame_timeout` is none.
    static constexpr duration file_timeout = std::chrono::seconds(30);

    static constexpr duration frame_timeout_step = std::chrono::seconds(1);
    static constexpr std::size_t frame_timeout_bytes = std::size_t{64} << 10;

    /// How long a frame of `size` bytes may take: `frame_timeout` and its share of steps, at most
    /// `longest_time`. 0: for ever.
    duration time_for_frame(std::uint64_t size) const noexcept;

    /// Errors: `configuration_error`, also where `low-water` is above `high-water`.
    void read(option_reader&);
};

/// The bounds of a datagram listener on each core, with the names of their keys.
struct datagram_limits {
    /// `max-datagram`: the longest that is received whole; what is longer is cut, and marked as
    /// that. 1 to 65 507 bytes.
    std::size_t max_datagram = 65'507;
    /// `send-queue`: what waits while the socket takes no more, each datagram counted with 64 bytes
    /// on top. 1 KiB to 1 GiB.
    std::size_t send_queue = std::size_t{4} << 20;
    /// `send-queue-per-peer`: the same to one address and port; one datagram always has room.
    std::size_t send_queue_per_peer = std::size_t{256} << 10;
    /// `receive-buffer`: of the kernel, for each core; it gives no more than its own limit
    /// (`net.core.rmem_max`) without privileges. 0: its default. At most 1 GiB.
    std::size_t receive_buffer = std::size_t{4} << 20;

    /// Errors: `configuration_error`.
    void read(option_reader&);
};

}  // namespace coserve
