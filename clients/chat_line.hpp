/// \file
/// What a line that is typed, or that comes from a pipe, asks of chat.
#pragma once

#include <string>
#include <string_view>
#include <variant>

namespace coserve_client {

struct chat_say {
    std::string text;
};

struct chat_move {
    std::string room;
};

struct chat_ask_names {};

struct chat_quit {};

struct chat_help {};

/// It is not sent. `reason`: what people are told.
struct chat_mistake {
    std::string reason;
};

using chat_line =
    std::variant<chat_say, chat_move, chat_ask_names, chat_quit, chat_help, chat_mistake>;

/// What begins with a slash is a command, and with two of them a text that begins with one.
chat_line read_chat_line(std::string_view);

/// A line for each command.
extern const std::string_view chat_commands;

}  // namespace coserve_client
