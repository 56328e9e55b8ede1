// Bytes of a socket into a file, as fast as the kernel has it. Blocks on the file, never on the
// socket: for the pool of blocking threads.
#pragma once

#include <coserve/file_tap.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>

namespace coserve {

// What one call moved, and why it stopped before all was.
struct file_transfer {
    std::uint64_t size = 0;        // bytes that left the socket, or reached it
    int socket_error = 0;          // an errno; EAGAIN: the next edge will tell
    int file_error = 0;            // an errno of the file's
    bool ended = false;            // the peer finished, or the file is shorter than was asked for
    std::exception_ptr refusal{};  // what the tap threw
};

// What has come by now, for other threads: it grows with each piece, before the file has it.
using byte_count = std::atomic<std::uint64_t>;

// Stops when the socket has no more (after 128 KiB: for 2 ms, 10 in all), at the end, at an error,
// or after `size` bytes. Bytes that left the socket and met an error of the file, or of the tap,
// are lost. Takes the cheapest way: splice, also where a tap wants to see the bytes; they are read
// back then, which costs less than to bring all of them through memory. Errors: std::bad_alloc.
file_transfer move_to_file(
    int socket,
    int file,
    std::uint64_t size,
    const file_tap* tap = nullptr,
    byte_count* count = nullptr
);

// Its ways. Where the kernel has no pipe to give, or does not splice this socket or this file, this
// is copy_to_file().
file_transfer splice_to_file(int socket, int file, std::uint64_t size, byte_count* count = nullptr);

// Through memory, in pieces of at most `buffer` bytes; `tap` sees each before it is written.
inline constexpr std::size_t copied_piece = std::size_t{256} << 10;
file_transfer copy_to_file(
    int socket,
    int file,
    std::uint64_t size,
    const file_tap* tap = nullptr,
    byte_count* count = nullptr,
    std::size_t buffer = copied_piece
);

// An errno, or 0.
int write_to_file(int file, std::span<const std::byte>) noexcept;

}  // namespace coserve
