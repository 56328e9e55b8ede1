/// \file
/// Why a server of chat does not do what it was asked to.
#pragma once

#include <cstdint>
#include <string_view>

namespace coserve {

/// Others may be added.
enum class chat_refusal : std::uint8_t {
    bad_name = 1,
    bad_room,
    name_taken,
    room_full,
    too_many_rooms,
    too_many_members,
    unknown_member,  ///< there is no member with this token at this address
    too_long,        ///< the text of a message
    ending,          ///< the server does
};

/// What people are told: part of a sentence, such as "the name is taken".
std::string_view text_of(chat_refusal) noexcept;

}  // namespace coserve
