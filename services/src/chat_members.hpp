// The members that one core has: by address, by room, and by when they were heard last.
#pragma once

#include "chat_audience.hpp"
#include "chat_directory.hpp"
#include "chat_path.hpp"
#include "protocol/chat_time.hpp"
#include "protocol/sequence_window.hpp"
#include "rate.hpp"

#include <coserve/endpoint.hpp>

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>
#include <utility>

namespace coserve {

// Thread: its core's. Errors: std::bad_alloc.
class chat_members {
public:
    struct member;
    using list = std::list<member>;

    // A room's members on this core.
    struct room {
        chat_audiences near, far, plain;  // on this machine, on others; and plain ones

        std::size_t size() const noexcept { return near.size() + far.size() + plain.size(); }
    };

    struct member {
        member(const chat_path& from, chat_place p)
            : address(from.peer), local(from.local), place(std::move(p)) {}

        const endpoint address;
        const endpoint local;  // the server's, to which it joined
        chat_place place;
        room* here = nullptr;
        chat_audience* audience = nullptr;  // of `neighbours()`
        std::size_t seat = 0;               // in it
        list::iterator self{};
        chat_time heard{};  // from it
        bucket spent;
        sequence_window seen;
        std::uint64_t attempt = 0;
        std::uint64_t sequence = 0;  // of plain ones, who do not number what they say
        std::uint64_t dropped = 0;
        bool is_plain = false;
        bool may_take_name = false;  // plain, and without a name of its own so far

        bool is_near() const noexcept { return address.is_loopback(); }

        chat_path path() const noexcept { return {address, local}; }

        chat_audiences& neighbours() const noexcept {
            return is_plain ? here->plain : is_near() ? here->near : here->far;
        }
    };

    std::size_t size() const noexcept { return by_address_.size(); }

    std::size_t rooms() const noexcept { return rooms_.size(); }

    // nullptr: there is none.
    member* find(const endpoint& e) const noexcept {
        const auto there = by_address_.find(e);
        return there == by_address_.end() ? nullptr : &*there->second;
    }

    // nullptr: none of its members is here.
    room* find(const chat_room& r) noexcept {
        const auto there = rooms_.find(&r);
        return there == rooms_.end() ? nullptr : &there->second;
    }

    // In each the one heard last at the end.
    list& natives() noexcept { return natives_; }

    list& plains() noexcept { return plains_; }

    // To one of the two lists.
    member& add(chat_time, const chat_path&, chat_place, list&);

    void touch(chat_time now, member& m) noexcept {
        m.heard = now;
        list& all = list_of(m);
        all.splice(all.end(), all, m.self);
    }

    // What is left of it is the place in its room.
    chat_place remove(member&) noexcept;
    void clear() noexcept;

private:
    list& list_of(const member& m) noexcept { return m.is_plain ? plains_ : natives_; }

    std::unordered_map<endpoint, list::iterator> by_address_;
    list natives_, plains_;
    std::unordered_map<const chat_room*, room> rooms_;
};

}  // namespace coserve
