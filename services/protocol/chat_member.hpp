/// \file
/// A member of a chat, as its client sees it.
#pragma once

#include "protocol/chat_datagram.hpp"
#include "protocol/chat_time.hpp"
#include "protocol/sequence_window.hpp"

#include <coserve/frame.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>

namespace coserve {

// ---- what happens to it. Texts are valid during the call that tells it.

struct chat_joined {
    std::string_view room{};
    std::uint32_t members = 0;
    bool again = false;  ///< contact had been lost
};

/// After this a first join is over. Where contact had been lost it goes on trying, and tells each
/// reason once; where it was a move, it still is where it was.
struct chat_join_refused {
    std::string_view room{};
    chat_refusal reason{};
};

/// More than these are not told apart: whoever sends such numbers did not count.
constexpr std::uint64_t most_missed = 1'000'000;

/// Somebody said something: others, and where the server echoes the member itself too.
struct chat_heard {
    std::uint64_t member = 0;
    std::string_view name{}, text{};
    bool own = false;
    bool late = false;         ///< others overtook it
    bool found = false;        ///< it was counted in `missed` before
    std::uint64_t missed = 0;  ///< so many of the same sender's before it are lost, or late; capped
};

struct chat_noticed {
    std::uint64_t member = 0;
    std::string_view name{};
    bool joined = false;  ///< else it left
};

/// Who is in the room: `count` in all, of whom the names may be but the first.
struct chat_roster {
    std::uint32_t count = 0;
    std::string_view names{};  ///< for `take_chat_name`
};

/// It is no member any more, and joins again by itself.
struct chat_lost_contact {
    enum class why : unsigned char { silence, forgotten, ending };
    why reason{};
};

/// The server dropped some of what was said: too much at once.
struct chat_over_rate {
    std::uint64_t dropped = 0;  ///< since it was told last
};

/// Something that was said was too long.
struct chat_too_long {};

/// `leave()` has come to its end; the server may not know of it, if it could not be reached.
struct chat_has_left {};

using chat_event = std::variant<
    chat_joined,
    chat_join_refused,
    chat_heard,
    chat_noticed,
    chat_roster,
    chat_lost_contact,
    chat_over_rate,
    chat_too_long,
    chat_has_left>;

/// Of all that others said in the room, and of what came besides.
struct chat_statistics {
    std::uint64_t heard = 0;
    std::uint64_t lost = 0;        ///< and not come late so far
    std::uint64_t late = 0;        ///< of those heard
    std::uint64_t duplicates = 0;  ///< not told again
    std::uint64_t strays = 0;      ///< what is not from this room, or nothing that is known
};

/// The state of one member's client: datagrams and the time go in, datagrams and events come out.
/// It joins, with retries and the server's cookie, keeps its membership alive, joins again when the
/// server has lost it, and tells duplicates, losses and reordering for each sender.
///
/// Nothing that it sends is repeated but joins, heartbeats and leaves: a chat over UDP loses some.
class chat_member {
public:
    /// Where its datagrams and events go. Both are called within its functions, an event last.
    class output {
    public:
        virtual void send(frame_view) = 0;
        virtual void happened(const chat_event&) = 0;

    protected:
        ~output() = default;
    };

    struct options {
        std::string name;
        std::uint32_t client = 0;  ///< a number by chance, which tells it from an earlier client
        std::chrono::nanoseconds first_retry = std::chrono::milliseconds(250);
        std::chrono::nanoseconds longest_retry = std::chrono::seconds(4);
    };

    /// Lifetime: the output must outlive it.
    chat_member(options, output&);

    /// Becomes a member, or moves: it stays where it is until it is in the other room.
    void join(chat_time now, std::string_view room);

    /// false: it is in no room, or on the way to another one; or the text is too long, and nothing
    /// is told.
    bool say(std::string_view text);

    /// false: it is in no room. The answer may be lost.
    bool ask_names();

    void leave(chat_time now);

    void receive(chat_time now, std::span<const std::byte> datagram);

    /// To be called when it is due, and whenever one likes.
    void tick(chat_time now);
    /// When `tick()` is due; the greatest time: not before something else happens.
    chat_time due() const noexcept;

    // ---- how it stands

    bool joined() const noexcept { return place_.has_value(); }

    bool joining() const noexcept { return joining_.has_value(); }

    bool leaving() const noexcept { return leaving_.has_value(); }

    /// Empty: none.
    std::string_view room() const noexcept;

    /// What its own messages bear; 0: it is in no room.
    std::uint64_t id() const noexcept { return place_ ? place_->id : 0; }

    /// In its room, as of the last heartbeat.
    std::uint32_t members() const noexcept { return place_ ? place_->members : 0; }

    std::size_t longest_text() const noexcept { return place_ ? place_->longest_text : 0; }

    const chat_statistics& statistics() const noexcept { return statistics_; }

    /// Of the last heartbeat that was answered at once; zero: there was none yet.
    std::chrono::nanoseconds round_trip() const noexcept { return round_trip_; }

private:
    struct place {
        std::string room;
        std::uint64_t attempt = 0, token = 0, room_id = 0, id = 0;
        std::chrono::nanoseconds heartbeat{};
        std::uint32_t members = 0;
        std::size_t longest_text = 0;
        std::uint64_t sequence = 0;  // of the last that was said
        std::uint64_t dropped = 0;
        std::uint32_t number = 0;  // of the last heartbeat
        std::uint32_t answered_number = 0;
        unsigned unanswered = 0;  // heartbeats since the last answer
        bool excused = false;     // since then, for having slept
        chat_time sent{}, answered{}, due{};
    };

    struct attempt {
        std::string room;
        std::uint64_t number = 0;
        chat_cookie cookie{};
        bool again = false;  // nobody asked for it: contact was lost
        std::optional<chat_refusal> told;
        unsigned tries = 0;
        unsigned challenges = 0;  // since the last try
        chat_time due{};
    };

    struct farewell {
        std::uint64_t token = 0;
        unsigned tries = 0;
        chat_time due{};
    };

    // One of whom something was heard.
    struct sender {
        std::uint64_t id = 0;
        sequence_window seen;
        std::uint64_t first = 0;    // heard in this stay; 0: it came or said its first in it
        std::uint64_t missing = 0;  // in this stay
        std::uint64_t stay = 0;
    };

    void on(chat_time, const chat_challenge&);
    void on(chat_time, const chat_welcome&);
    void on(chat_time, const chat_refused&);
    void on(chat_time, const chat_delivery&);
    void on(chat_time, const chat_notice&);
    void on(chat_time, const chat_alive&);
    void on(chat_time, const chat_names&);
    void on(chat_time, const chat_left&);

    void begin_join(std::string room, bool again);
    void send_join(chat_time);
    void send_leave(chat_time);
    void send_heartbeat(chat_time);
    bool is_silent(chat_time);
    void enter(chat_time, const chat_welcome&);
    void refuse_join(chat_refusal);
    void refuse_member(chat_time, chat_refusal);
    void lose_contact(chat_time, chat_lost_contact::why);
    void end_leave();
    void follow(std::uint64_t id);
    sender& sender_of(std::uint64_t id);
    std::chrono::nanoseconds jittered(std::chrono::nanoseconds) noexcept;

    template <class Datagram>
    void send(const Datagram&);

    options options_;
    output& output_;
    std::uint32_t attempts_ = 0;
    std::uint64_t stays_ = 0;
    std::uint64_t random_;
    std::optional<place> place_;
    std::optional<attempt> joining_;
    std::optional<farewell> leaving_;
    std::list<sender> senders_;  // the one heard last in front
    std::unordered_map<std::uint64_t, std::list<sender>::iterator> sender_by_id_;
    chat_statistics statistics_;
    std::chrono::nanoseconds round_trip_{};
    std::string scratch_;
};

}  // namespace coserve
