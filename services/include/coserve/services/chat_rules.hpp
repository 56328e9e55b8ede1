/// \file
/// What a listener of chat allows, and how long it waits.
#pragma once

#include <coserve/units.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace coserve {

struct chat_rules {
    bool echo = true;                                   ///< to the sender, too
    std::string plain_room = "lobby";                   ///< where members without a room are
    duration heartbeat = std::chrono::seconds(5);       ///< members who miss three are dropped
    duration plain_silence = std::chrono::minutes(10);  ///< plain ones, who have no heartbeats
    std::size_t max_rooms = 1000;                       ///< besides the plain one
    std::size_t max_members = 10'000;                   ///< in all rooms
    std::size_t max_room_members = 10'000;              ///< in each
    std::uint32_t member_rate = 200;   ///< datagrams a second of each member; 0: without a limit
    std::uint32_t room_rate = 10'000;  ///< messages a second in each room; likewise
};

}  // namespace coserve
