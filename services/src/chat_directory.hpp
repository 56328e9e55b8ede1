// What the cores of a listener of chat share: which rooms there are, and who has which name there.
#pragma once

#include "protocol/chat_datagram.hpp"
#include "protocol/chat_time.hpp"
#include "rate.hpp"

#include <coserve/services/chat_rules.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace coserve {

class chat_directory;

// Thread: any.
class chat_room : public std::enable_shared_from_this<chat_room> {
public:
    chat_room(std::string_view name, std::uint64_t id, const rate& r)
        : name_(name), id_(id), rate_(r) {}

    const std::string& name() const noexcept { return name_; }

    std::uint64_t id() const noexcept { return id_; }

    // On all cores.
    std::size_t members() const noexcept { return members_.load(std::memory_order_relaxed); }

    // Whether one more message may be said now.
    bool admit(chat_time now) noexcept { return said_.take(rate_, now); }

private:
    friend class chat_directory;

    const std::string name_;
    const std::uint64_t id_;
    const rate rate_;
    shared_bucket said_;
    std::atomic<std::size_t> members_ = 0;
    std::set<std::string, std::less<>> names_;  // the directory's mutex guards them
};

// A name in a room, given back when it is destroyed.
//
// Lifetime: the directory must outlive it.
class chat_place {
public:
    chat_place(chat_place&& other) noexcept;
    chat_place& operator=(chat_place&&) = delete;
    ~chat_place();

    const std::shared_ptr<chat_room>& room() const noexcept { return room_; }

    const std::string& name() const noexcept { return name_; }

    std::uint64_t id() const noexcept { return id_; }

    std::uint64_t token() const noexcept { return token_; }

private:
    friend class chat_directory;
    chat_place(std::shared_ptr<chat_room> r, std::string n) noexcept
        : room_(std::move(r)), name_(std::move(n)) {}

    chat_directory* directory_ = nullptr;  // null: there is nothing to give back
    std::shared_ptr<chat_room> room_;
    std::string name_;
    std::uint64_t id_ = 0, token_ = 0;
};

// Thread: any; it locks a mutex in each call, none of which is made for a message.
class chat_directory {
public:
    using random_source = std::function<std::uint64_t()>;

    // `random`: tokens and the rooms' numbers, which nobody is to guess.
    explicit chat_directory(const chat_rules&, random_source random);

    // `instead_of`: given back, if the new place is to be had, which it may be thereby.
    std::variant<chat_place, chat_refusal>
    enter(std::string_view room, std::string_view name, chat_place* instead_of);

    // For those who cannot be told that their name is taken: then they get `other`, or something
    // like it, which they also get without a name.
    std::optional<chat_place> enter_plain(
        std::string_view room, std::optional<std::string_view> name, const std::string& other
    );
    // false: the name is taken.
    bool rename(chat_place&, std::string_view name);

    // In order, as many as fit, for `take_chat_name`.
    std::string names(const chat_room&, std::size_t longest) const;

    // The server ends: nobody else gets a place, on whichever core.
    void close();

    std::size_t rooms() const;
    std::size_t members() const;

private:
    friend class chat_place;

    void leave(const chat_place&) noexcept;
    std::optional<chat_refusal> why_not(std::string_view room) const;
    std::size_t other_rooms() const;
    std::shared_ptr<chat_room> open(std::string_view room);
    chat_place take(std::string_view room, std::string name);
    void put_back(const chat_place&);
    void remove(const chat_place&) noexcept;

    const chat_rules rules_;
    const random_source random_;
    mutable std::mutex mutex_;
    std::map<std::string, std::shared_ptr<chat_room>, std::less<>> rooms_;
    std::size_t members_ = 0;
    bool closed_ = false;
    std::uint64_t last_id_;  // begins by chance: clients remember ids over a server's restart
};

}  // namespace coserve
