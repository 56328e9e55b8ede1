/// \file
/// The datagrams of chat's own format; docs/wire.md has the bytes.
///
/// Reading allocates nothing: texts are views of what was read. A datagram is read whole or not at
/// all: what is too short, too long, or of another version is none.
#pragma once

#include "protocol/chat_name.hpp"
#include "protocol/chat_refusal.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace coserve {

/// How each of them begins, and no text in UTF-8 or GBK does: what begins otherwise is a plain
/// member's text.
inline constexpr std::byte chat_magic{0xff};
inline constexpr std::uint8_t chat_version = 1;

/// What a datagram over IPv4 holds.
inline constexpr std::size_t longest_chat_datagram = 65'507;
/// Of what leaves the machine, in bytes: with all headers it fits Ethernet's frames.
inline constexpr std::size_t longest_far_chat_text = 1200;
/// Of what stays on it: the rest of a delivery is for the sender's name.
inline constexpr std::size_t longest_near_chat_text =
    longest_chat_datagram - 28 - longest_chat_name;

/// Proves that whoever has it receives at the address that it was made for.
using chat_cookie = std::array<std::byte, 16>;

// ---- what a client sends

/// `attempt`: the client's own number for it, the same while it is repeated. The upper half is the
/// client's, by chance; the lower one counts up, and a lower one than before is an old datagram.
struct chat_join {
    std::uint64_t attempt = 0;
    chat_cookie cookie{};  ///< zero where there is none yet
    std::string_view room{}, name{};
};

/// `token`, here and below: what the server gave with its welcome.
struct chat_leave {
    std::uint64_t token = 0;
};

struct chat_message {
    std::uint64_t token = 0;
    std::uint64_t sequence = 0;  ///< counts up by one, in each membership anew
    std::string_view text{};     ///< meant to be UTF-8; nobody on the way looks at it
};

struct chat_heartbeat {
    std::uint64_t token = 0;
    std::uint32_t number = 0;  ///< comes back
};

/// Who is in the room?
struct chat_who {
    std::uint64_t token = 0;
    std::uint32_t number = 0;  ///< comes back
};

using chat_request = std::variant<chat_join, chat_leave, chat_message, chat_heartbeat, chat_who>;

// ---- what the server sends

/// To an address that has not proven itself: join again with this.
struct chat_challenge {
    std::uint64_t attempt = 0;
    chat_cookie cookie{};
};

struct chat_welcome {
    std::uint64_t attempt = 0;
    std::uint64_t token = 0;
    std::uint64_t room = 0;    ///< what comes from this room bears it
    std::uint64_t member = 0;  ///< and this, what comes from this member; never given twice
    std::uint32_t heartbeat_ms = 0;
    std::uint32_t members = 0;  ///< in the room
    std::uint32_t longest_text = 0;
};

/// `about`: the attempt of a join, else the token.
struct chat_refused {
    chat_refusal reason{};
    std::uint64_t about = 0;
};

struct chat_delivery {
    std::uint64_t room = 0;
    std::uint64_t member = 0;    ///< who said it
    std::uint64_t sequence = 0;  ///< the sender's
    std::string_view name{}, text{};
};

struct chat_notice {
    enum class what : std::uint8_t { joined = 1, left };

    std::uint64_t room = 0;
    std::uint64_t member = 0;
    what happened{};
    std::string_view name{};
};

/// The answer to a heartbeat.
struct chat_alive {
    std::uint64_t token = 0;
    std::uint32_t number = 0;
    std::uint32_t members = 0;  ///< in the room
    std::uint64_t dropped = 0;  ///< of this member's datagrams, for there were too many
};

/// The answer to `chat_who`.
struct chat_names {
    std::uint64_t token = 0;
    std::uint32_t number = 0;
    std::uint32_t members = 0;  ///< of whom the names may be but the first
    std::string_view names{};   ///< for `take_chat_name`
};

/// The answer to `chat_leave`.
struct chat_left {
    std::uint64_t token = 0;
};

using chat_reply = std::variant<
    chat_challenge,
    chat_welcome,
    chat_refused,
    chat_delivery,
    chat_notice,
    chat_alive,
    chat_names,
    chat_left>;

// ---- reading

/// Lifetime: the texts are views of the datagram.
std::optional<chat_request> read_chat_request(std::span<const std::byte>) noexcept;
std::optional<chat_reply> read_chat_reply(std::span<const std::byte>) noexcept;

/// Takes one name off the front; nullopt: there are no more.
std::optional<std::string_view> take_chat_name(std::string_view& names) noexcept;

// ---- writing: `out` becomes the datagram. Names are at most 255 bytes long.

void write_chat(std::string& out, const chat_join&);
void write_chat(std::string& out, const chat_leave&);
void write_chat(std::string& out, const chat_message&);
void write_chat(std::string& out, const chat_heartbeat&);
void write_chat(std::string& out, const chat_who&);
void write_chat(std::string& out, const chat_challenge&);
void write_chat(std::string& out, const chat_welcome&);
void write_chat(std::string& out, const chat_refused&);
void write_chat(std::string& out, const chat_delivery&);
void write_chat(std::string& out, const chat_notice&);
void write_chat(std::string& out, const chat_alive&);
void write_chat(std::string& out, const chat_names&);
void write_chat(std::string& out, const chat_left&);

/// One more of a `chat_names`' names.
void append_chat_name(std::string& names, std::string_view name);

}  // namespace coserve
