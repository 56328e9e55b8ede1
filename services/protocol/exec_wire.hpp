/// \file
/// The formats that exec speaks: its own, and three in which a command's reply is one piece.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace coserve {

/// In all but `native` a request is a command's text, what one read returns, and a reply begins
/// with an i32: 4 bytes, little-endian, signed.
enum class exec_wire : unsigned char {
    native,        ///< frames with a JSON header
    concat,        ///< the size of both, then all of stderr, then all of stdout
    stderr_first,  ///< a size, then stderr if there is any, else stdout
    json_size,     ///< the size of a JSON object {"data_size": N}, it, then N bytes as above
};

/// The longest text of a request, in bytes.
inline constexpr std::size_t longest_command_text = 1024;
/// The most that one reply can carry.
inline constexpr std::size_t largest_text_reply = 0x7fffffff;

/// A reply: sent one after the other, the head in one piece with what begins behind it.
struct exec_text_reply {
    std::string head;
    std::array<std::string_view, 3> parts;  ///< borrowed from what it was made of
};

/// `note`: the server's own word about the command, which stands behind all that the command wrote.
///
/// Lifetime: the views must outlive the reply.
exec_text_reply
make_text_reply(exec_wire, std::string_view out, std::string_view err, std::string_view note);

/// As Python's `struct.pack('i', n)` has it on x86.
std::string pack_i32(std::uint32_t);
std::int32_t unpack_i32(std::span<const std::byte, 4>) noexcept;

/// The `data_size` of a `json_size` reply's object.
/// Errors: `json_error`.
std::uint64_t parse_json_size(std::string_view json);

}  // namespace coserve
