/// \file
/// How chat is put into words: what others send is escaped, so that it stays on its line and
/// commands no terminal. A line that begins with a star is the client's own, and no member's.
#pragma once

#include "protocol/chat_member.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coserve_client {

/// "3 messages", "1 message".
std::string count_of(std::uint64_t, std::string_view thing);

/// Backslashes and tabs stay as they are; all else that is not to be seen is \xNN.
std::string shown_text(std::string_view);

/// The same; and no name passes for a star, or for another name and what that said.
std::string shown_name(std::string_view);

/// A whole line, of a text that says itself whose it is.
std::string shown_line(std::string_view);

std::string said(std::string_view name, std::string_view text);

/// `name`: empty for one's own messages.
std::string lost_messages(std::string_view name, std::uint64_t count);

std::string entered(std::string_view room, std::string_view name, std::uint32_t members);
std::string entered_again(std::string_view room, std::uint32_t members);
std::string noticed(const coserve::chat_noticed&);
std::string lost_contact(coserve::chat_lost_contact::why);

/// The names stand on lines of so many columns, where they are not longer themselves.
std::vector<std::string>
roster(std::string_view room, const coserve::chat_roster&, std::size_t columns);

}  // namespace coserve_client
