// How what is said in a room reaches its members elsewhere.
#pragma once

#include "chat_directory.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace coserve {

// Once written, and read on all cores.
struct chat_post {
    std::shared_ptr<const chat_room> room;
    std::string native;                // the datagram for members
    std::optional<std::string> plain;  // for plain ones, if it is for them
    bool may_travel = true;            // short enough for members on other machines
};

// To the room's members on other cores; a broker behind it would carry it to other machines as
// well, by the room's name. One a core, which calls it there.
class room_bus {
public:
    virtual ~room_bus() = default;

    // Whether anybody could be there; `here`: the room's members on this core.
    virtual bool reaches(const chat_room& room, std::size_t here) const {
        return room.members() > here;
    }

    // Each other core's `chat_state::hear()` is to get it, in order. It may be lost.
    virtual void publish(std::shared_ptr<const chat_post>) = 0;
};

}  // namespace coserve
