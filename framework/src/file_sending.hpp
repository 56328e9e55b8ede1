// Bytes of a file into a socket. Blocks on the file, never on the socket: for the pool of blocking
// threads.
#pragma once

#include "file_transfer.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace coserve {

// Stops when the socket takes no more, at an error, or after `size` bytes.
file_transfer send_from_file(int socket, int file, std::uint64_t size) noexcept;

// How much was read before the end: all of `into` where there is as much.
file_transfer read_from_file(int file, std::span<std::byte> into) noexcept;

}  // namespace coserve
