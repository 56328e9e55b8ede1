#include "protocol/chat_refusal.hpp"

namespace coserve {

std::string_view text_of(chat_refusal reason) noexcept {
    switch (reason) {
    case chat_refusal::bad_name:
        return "the name is none: 1 to 64 bytes of UTF-8 without control characters, "
               "marks of direction and others that nobody sees, without blanks around it, "
               "and without 的消息";
    case chat_refusal::bad_room:
        return "the room's name is none: 1 to 64 bytes of UTF-8 without control characters, "
               "marks of direction and others that nobody sees, without blanks around it, "
               "and without 的消息";
    case chat_refusal::name_taken:
        return "the name is taken";
    case chat_refusal::room_full:
        return "the room is full";
    case chat_refusal::too_many_rooms:
        return "there are too many rooms";
    case chat_refusal::too_many_members:
        return "there are too many members";
    case chat_refusal::unknown_member:
        return "the server does not know this member";
    case chat_refusal::too_long:
        return "the message is too long";
    case chat_refusal::ending:
        return "the server ends";
    }
    return "the server refused it";
}

}  // namespace coserve
