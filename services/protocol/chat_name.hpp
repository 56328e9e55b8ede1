/// \file
/// Names of chat's members and rooms, and where a tutorial's client has its name.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace coserve {

/// In bytes, of a member's or a room's.
inline constexpr std::size_t longest_chat_name = 64;

/// Where those are who do not say otherwise, tutorials' clients among them.
inline constexpr std::string_view usual_chat_room = "lobby";

/// Behind the name in what tutorials' clients send: `客户端1的消息hello`.
inline constexpr std::string_view plain_name_mark = "的消息";

/// 1 to 64 bytes of UTF-8 of any script, all of which can be seen (`is_visible`), or it could look
/// like another one, and without the mark above, with which one member could speak for another.
bool is_chat_name(std::string_view) noexcept;

/// The name of whoever sent this plain text; nullopt: it has none that could be one.
std::optional<std::string_view> plain_chat_name(std::string_view text) noexcept;

}  // namespace coserve
