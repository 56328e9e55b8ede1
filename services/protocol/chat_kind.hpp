/// \file
/// What kind of datagram it is, in chat's own format.
#pragma once

#include <cstdint>

namespace coserve {

/// The byte behind the version. What servers send has the upper bit.
enum class chat_kind : std::uint8_t {
    join = 0x01,
    leave,
    message,
    heartbeat,
    who,
    challenge = 0x81,
    welcome,
    refused,
    delivery,
    notice,
    alive,
    names,
    left,
};

}  // namespace coserve
