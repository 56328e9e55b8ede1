// One core's part of the chat, without a socket and a clock: datagrams and the time go in,
// datagrams come out.
#pragma once

#include "chat_cookies.hpp"
#include "chat_directory.hpp"
#include "chat_leavers.hpp"
#include "chat_members.hpp"
#include "chat_path.hpp"
#include "protocol/chat_datagram.hpp"
#include "protocol/chat_time.hpp"
#include "rate.hpp"
#include "room_bus.hpp"

#include <coserve/endpoint.hpp>
#include <coserve/frame.hpp>
#include <coserve/services/chat_rules.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace coserve {

// Of one core, since the start.
struct chat_counts {
    std::uint64_t malformed = 0;         // none of the format's, nor a plain text where one may be
    std::uint64_t strangers = 0;         // plain texts from other machines
    std::uint64_t challenges = 0;        // sent
    std::uint64_t welcomes = 0;          // of new members, plain ones too
    std::uint64_t refusals = 0;          // sent, or would have been to a plain one
    std::uint64_t old_joins = 0;         // which others of the same client overtook
    std::uint64_t duplicates = 0;        // messages
    std::uint64_t over_member_rate = 0;  // datagrams
    std::uint64_t over_room_rate = 0;    // messages and notices
    std::uint64_t messages = 0;          // that were said in a room
    std::uint64_t deliveries = 0;        // of messages and notices, to a member each
    std::uint64_t too_long = 0;  // messages that were too long for some who were to get them
    std::uint64_t silent = 0;    // members dropped for their silence
};

// A member belongs to the core that its datagrams come to. What it says reaches the room's members
// on this core directly, and those of others over the bus: each core hears of it once.
// What it sends is in chat_sending.cpp, the rest in chat_state.cpp.
//
// Thread: on its core; the directory is shared. Errors: std::bad_alloc, and std::runtime_error
// where OpenSSL fails.
class chat_state {
public:
    // Where its datagrams go. What cannot be sent is lost: nothing is told, nothing tried again.
    class output {
    public:
        virtual void send(const chat_path& to, frame_view) = 0;
        virtual void send(std::span<const endpoint> to, const endpoint& local, frame_view) = 0;

        // Somebody is a member now, or is none any more. Not told at the server's end.
        virtual void joined(const endpoint&, const chat_place&) {}
        virtual void left(const endpoint&, const chat_place&, std::string_view /*why*/) {}

    protected:
        ~output() = default;
    };

    // Lifetime: all of them must outlive it.
    chat_state(const chat_rules&, chat_directory&, const chat_cookies&, room_bus&, output&);
    ~chat_state();

    // The datagram came whole: of a text that was cut, the beginning is another one.
    void receive(chat_time now, const chat_path& from, std::span<const std::byte> datagram);

    // Something from another core.
    void hear(const chat_post&);

    // Drops those who were silent for too long, and what need not be known any more; to be called
    // every `tick_interval()`.
    void tick(chat_time now);
    duration tick_interval() const noexcept;

    // The network says that nobody has the port open that this was sent to. Of other machines that
    // is ignored: anybody can say it of anybody.
    void unreachable(chat_time now, const endpoint&);

    // Tells all members that the server ends, and forgets them. Nobody becomes one any more, on
    // whichever core: it would be where nobody else is.
    void end();

    // ---- of this core

    const chat_counts& counts() const noexcept { return counts_; }

    std::size_t members() const noexcept { return members_.size(); }

    std::size_t rooms() const noexcept { return members_.rooms(); }

    // Who left so short a time ago that it is known yet what they spent.
    std::size_t leavers() const noexcept { return leavers_.size(); }

    // A member's name and room, for tests and logs; nullptr: there is none.
    const chat_place* find(const endpoint&) const noexcept;

private:
    using member = chat_members::member;
    using room_here = chat_members::room;

    void on(chat_time, const chat_path&, const chat_join&);
    void on(chat_time, const chat_path&, const chat_leave&);
    void on(chat_time, const chat_path&, const chat_message&);
    void on(chat_time, const chat_path&, const chat_heartbeat&);
    void on(chat_time, const chat_path&, const chat_who&);
    void take_text(chat_time, const chat_path&, std::string_view);

    member* proven(chat_time, const chat_path&, std::uint64_t token);
    member* plain(chat_time, const chat_path&, std::string_view text);
    bool admit(chat_time, member&) noexcept;
    bool admit_join(chat_time, const endpoint&, member* old) noexcept;
    bool repeats(chat_time, member&, const chat_join&);

    member& add(chat_time, const chat_path&, chat_place, chat_members::list&);
    void part_with(chat_time, member&, std::string_view why);
    void drop(chat_time, member&, std::string_view why);
    void drop_silent(chat_time, chat_members::list&, duration);
    void adopt_name(member&, std::string_view text);

    void welcome(const member&);
    void refuse(const chat_path&, chat_refusal, std::uint64_t about);
    void say(member&, const chat_delivery&, std::optional<std::string_view> plain);
    void announce(chat_time, const chat_place&, chat_notice::what);
    void tell(chat_room&, std::optional<std::string_view> plain, bool may_travel, const member*);
    void tell_here(
        const room_here&,
        std::string_view native,
        std::optional<std::string_view> plain,
        bool may_travel,
        const member* except
    );
    void deliver(const chat_audiences&, std::string_view datagram, const member* except);
    void deliver(const endpoint& from, std::span<const endpoint> to, std::string_view datagram);

    template <class Datagram>
    void send(const chat_path& to, const Datagram& d) {
        write_chat(scratch_, d);
        output_.send(to, scratch_);
    }

    const chat_rules rules_;
    const rate member_rate_;
    chat_leavers leavers_;
    chat_directory& directory_;
    const chat_cookies& cookies_;
    room_bus& bus_;
    output& output_;
    chat_counts counts_;

    chat_members members_;
    std::string native_, plain_;  // what is told to a room
    std::string scratch_;         // what is sent to one
};

}  // namespace coserve
