// What a chat_state sends.
#include "chat_state.hpp"

#include <chrono>
#include <utility>

namespace coserve {
namespace {

// Who comes and goes in larger rooms is told to nobody: there it would be most of what is sent.
constexpr std::size_t most_noticed = 64;

}  // namespace

void chat_state::welcome(const member& m) {
    chat_welcome w{.attempt = m.attempt, .token = m.place.token()};
    w.room = m.place.room()->id();
    w.member = m.place.id();
    w.heartbeat_ms = static_cast<std::uint32_t>(rules_.heartbeat / std::chrono::milliseconds(1));
    w.members = static_cast<std::uint32_t>(m.place.room()->members());
    w.longest_text = m.is_near() ? longest_near_chat_text : longest_far_chat_text;
    send(m.path(), w);
}

void chat_state::refuse(const chat_path& to, chat_refusal reason, std::uint64_t about) {
    ++counts_.refusals;
    send(to, chat_refused{reason, about});
}

// `d`: its sequence and its text.
void chat_state::say(member& m, const chat_delivery& d, std::optional<std::string_view> plain) {
    ++counts_.messages;
    chat_delivery whole = d;
    chat_room& room = *m.place.room();
    whole.room = room.id();
    whole.member = m.place.id();
    whole.name = m.place.name();
    write_chat(native_, whole);
    const bool may_travel = d.text.size() <= longest_far_chat_text;
    tell(room, plain, may_travel, rules_.echo ? nullptr : &m);
}

void chat_state::announce(chat_time now, const chat_place& p, chat_notice::what happened) {
    chat_room& room = *p.room();
    if (room.members() > most_noticed)
        return;
    if (!room.admit(now)) {
        ++counts_.over_room_rate;
        return;
    }
    chat_notice n{.room = room.id(), .member = p.id()};
    n.happened = happened;
    n.name = p.name();
    write_chat(native_, n);
    tell(room, std::nullopt, true, nullptr);
}

// What stands in `native_`, and for plain members `plain`.
void chat_state::tell(
    chat_room& room, std::optional<std::string_view> plain, bool may_travel, const member* except
) {
    const room_here* const here = members_.find(room);
    if (here)
        tell_here(*here, native_, plain, may_travel, except);
    if (!bus_.reaches(room, here ? here->size() : 0))
        return;
    auto post = std::make_shared<chat_post>();
    post->room = room.shared_from_this();
    post->native = native_;
    if (plain)
        post->plain.emplace(*plain);
    post->may_travel = may_travel;
    bus_.publish(std::move(post));
}

void chat_state::tell_here(
    const room_here& here,
    std::string_view native,
    std::optional<std::string_view> plain,
    bool may_travel,
    const member* except
) {
    const bool fits = native.size() <= longest_chat_datagram;
    if (fits)
        deliver(here.near, native, except);
    if (fits && may_travel)
        deliver(here.far, native, except);
    if (plain)
        deliver(here.plain, *plain, except);
    if ((!fits && here.near.size() != 0) || (!may_travel && here.far.size() != 0))
        ++counts_.too_long;
}

void chat_state::deliver(
    const chat_audiences& audiences, std::string_view datagram, const member* except
) {
    for (const chat_audience& a : audiences) {
        auto to = a.all();
        if (except && except->audience == &a) {
            deliver(a.from(), to.first(except->seat), datagram);
            to = to.subspan(except->seat + 1);
        }
        deliver(a.from(), to, datagram);
    }
}

void chat_state::deliver(
    const endpoint& from, std::span<const endpoint> to, std::string_view datagram
) {
    if (!to.empty())
        output_.send(to, from, datagram);
    counts_.deliveries += to.size();
}

}  // namespace coserve
