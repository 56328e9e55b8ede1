#include <coserve/services/chat.hpp>

#include "chat_listener.hpp"
#include "protocol/chat_name.hpp"

#include <chrono>
#include <cstdint>
#include <memory>

namespace coserve {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t most_members = 1'000'000;

// Both are times without a value that means "for ever": who is gone must be noticed.
void check_times(const option_reader& reader, const chat_rules& r) {
    if (r.heartbeat < 100ms || r.heartbeat > 1h)
        reader.refuse("heartbeat", "must be 100ms to 1h");
    if (r.plain_silence < 1s || r.plain_silence > 24h)
        reader.refuse("plain-silence", "must be 1s to 24h");
}

}  // namespace

void chat::options::read(option_reader& reader) {
    reader.flag("echo", rules.echo, "a member gets what it says itself, too");
    reader.text("plain-room", rules.plain_room, "where members are who send plain text");
    if (!is_chat_name(rules.plain_room))
        reader.refuse("plain-room", "must be a room's name: 1 to 64 bytes of printable UTF-8");
    reader.time("heartbeat", rules.heartbeat, "who misses three is a member no more; 100ms to 1h");
    reader.time(
        "plain-silence",
        rules.plain_silence,
        "who sends plain text, and none for so long, is a member no more; 1s to 24h"
    );
    check_times(reader, rules);
    reader.count(
        "max-rooms",
        rules.max_rooms,
        1,
        most_members,
        "rooms that have members, besides the plain one"
    );
    reader.count("max-members", rules.max_members, 1, most_members, "in all rooms together");
    reader.count("max-room-members", rules.max_room_members, 1, most_members, "in each room");
    reader.count(
        "member-rate",
        rules.member_rate,
        0,
        1'000'000,
        "datagrams a second of each member, others are dropped; 0: no limit"
    );
    reader.count(
        "room-rate",
        rules.room_rate,
        0,
        10'000'000,
        "messages a second in each room, others are dropped; 0: no limit"
    );
    listener = std::make_shared<chat_listener>(rules);
}

}  // namespace coserve
