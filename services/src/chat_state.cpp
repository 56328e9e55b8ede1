#include "chat_state.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace coserve {
namespace {

constexpr int missed_heartbeats = 3;

// Of names in one datagram.
constexpr std::size_t longest_far_names = longest_far_chat_text;
constexpr std::size_t longest_near_names = 16'384;

std::string_view text_of(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The upper half of an attempt's number.
std::uint64_t client_of(std::uint64_t attempt) noexcept {
    return attempt >> 32;
}

}  // namespace

chat_state::chat_state(
    const chat_rules& rules,
    chat_directory& directory,
    const chat_cookies& cookies,
    room_bus& bus,
    output& out
)
    : rules_(rules),
      member_rate_(rules.member_rate),
      leavers_(member_rate_),
      directory_(directory),
      cookies_(cookies),
      bus_(bus),
      output_(out) {}

chat_state::~chat_state() = default;

// ---- what comes in

void chat_state::receive(
    chat_time now, const chat_path& from, std::span<const std::byte> datagram
) {
    if (datagram.empty() || datagram.front() != chat_magic)
        return take_text(now, from, text_of(datagram));
    const auto request = read_chat_request(datagram);
    if (request)
        std::visit([&](const auto& r) { on(now, from, r); }, *request);
    else
        ++counts_.malformed;
}

void chat_state::on(chat_time now, const chat_path& from, const chat_join& j) {
    member* const old = members_.find(from.peer);
    if (old && repeats(now, *old, j))
        return;
    if (!from.peer.is_loopback() && !cookies_.is_good(j.cookie, from.peer, now)) {
        ++counts_.challenges;
        return send(
            from, chat_challenge{.attempt = j.attempt, .cookie = cookies_.make(from.peer, now)}
        );
    }
    if (!admit_join(now, from.peer, old))
        return;
    auto answer = directory_.enter(j.room, j.name, old ? &old->place : nullptr);
    if (const auto* const refusal = std::get_if<chat_refusal>(&answer))
        return refuse(from, *refusal, j.attempt);
    const bucket spent = old ? old->spent : leavers_.take(now, from.peer);
    if (old)
        drop(now, *old, "joined again");
    auto& place = std::get<chat_place>(answer);
    announce(now, place, chat_notice::what::joined);
    member& m = add(now, from, std::move(place), members_.natives());
    m.attempt = j.attempt;
    m.spent = spent;
    welcome(m);
}

// Whether it is a member by this join already, or one by a later one: a welcome was lost, or a
// datagram came late or twice.
bool chat_state::repeats(chat_time now, member& m, const chat_join& j) {
    if (m.is_plain || client_of(m.attempt) != client_of(j.attempt) || j.attempt > m.attempt)
        return false;
    if (j.attempt < m.attempt) {
        ++counts_.old_joins;
    } else if (admit(now, m)) {
        members_.touch(now, m);
        welcome(m);
    }
    return true;
}

void chat_state::on(chat_time now, const chat_path& from, const chat_leave& l) {
    member* const m = members_.find(from.peer);
    if (m && !m->is_plain && m->place.token() == l.token)
        part_with(now, *m, "left");
    send(from, chat_left{l.token});
}

void chat_state::on(chat_time now, const chat_path& from, const chat_message& c) {
    member* const m = proven(now, from, c.token);
    if (!m)
        return;
    const bool may_travel = c.text.size() <= longest_far_chat_text;
    if (c.text.size() > longest_near_chat_text || (!may_travel && !m->is_near()))
        return refuse(from, chat_refusal::too_long, c.token);
    if (m->seen.see(c.sequence).where == sequence_window::place::known) {
        ++counts_.duplicates;
        return;
    }
    chat_room& room = *m->place.room();
    if (!room.admit(now)) {
        ++counts_.over_room_rate;
        ++m->dropped;
        return;
    }
    plain_.assign(m->place.name()).append(plain_name_mark).append(c.text);
    const chat_delivery d{.sequence = c.sequence, .text = c.text};
    say(*m, d, plain_);
}

void chat_state::on(chat_time now, const chat_path& from, const chat_heartbeat& h) {
    const member* const m = proven(now, from, h.token);
    if (!m)
        return;
    chat_alive a{.token = h.token, .number = h.number};
    a.members = static_cast<std::uint32_t>(m->place.room()->members());
    a.dropped = m->dropped;
    send(from, a);
}

void chat_state::on(chat_time now, const chat_path& from, const chat_who& w) {
    const member* const m = proven(now, from, w.token);
    if (!m)
        return;
    const chat_room& room = *m->place.room();
    const std::size_t longest = m->is_near() ? longest_near_names : longest_far_names;
    const std::string names = directory_.names(room, longest);
    chat_names n{.token = w.token, .number = w.number};
    n.members = static_cast<std::uint32_t>(room.members());
    n.names = names;
    send(from, n);
}

void chat_state::take_text(chat_time now, const chat_path& from, std::string_view text) {
    if (!from.peer.is_loopback()) {
        ++counts_.strangers;
        return;
    }
    member* const m = plain(now, from, text);
    if (!m)
        return;
    members_.touch(now, *m);
    if (!admit(now, *m))
        return;
    adopt_name(*m, text);
    if (!m->place.room()->admit(now)) {
        ++counts_.over_room_rate;
        return;
    }
    std::string_view said = text;
    if (plain_chat_name(text) == std::string_view(m->place.name()))
        said.remove_prefix(m->place.name().size() + plain_name_mark.size());
    say(*m, chat_delivery{.sequence = ++m->sequence, .text = said}, text);
}

void chat_state::hear(const chat_post& post) {
    if (const room_here* const here = members_.find(*post.room))
        tell_here(*here, post.native, post.plain, post.may_travel, nullptr);
}

void chat_state::tick(chat_time now) {
    drop_silent(now, members_.natives(), missed_heartbeats * rules_.heartbeat);
    drop_silent(now, members_.plains(), rules_.plain_silence);
    leavers_.forget(now);
}

duration chat_state::tick_interval() const noexcept {
    return std::clamp<duration>(
        rules_.heartbeat / 10, std::chrono::milliseconds(10), std::chrono::seconds(1)
    );
}

void chat_state::unreachable(chat_time now, const endpoint& peer) {
    member* const m = members_.find(peer);
    if (m && m->is_near())
        part_with(now, *m, "its port is closed");
}

void chat_state::end() {
    directory_.close();
    for (const member& m : members_.natives())
        send(m.path(), chat_refused{chat_refusal::ending, m.place.token()});
    members_.clear();
}

const chat_place* chat_state::find(const endpoint& e) const noexcept {
    const member* const m = members_.find(e);
    return m ? &m->place : nullptr;
}

// ---- members

// The member that a datagram is from; nullptr: it is not, or nothing is to be done.
chat_state::member* chat_state::proven(chat_time now, const chat_path& from, std::uint64_t token) {
    member* const m = members_.find(from.peer);
    if (!m || m->is_plain || m->place.token() != token) {
        refuse(from, chat_refusal::unknown_member, token);
        return nullptr;
    }
    // It is alive, also where it says too much.
    members_.touch(now, *m);
    return admit(now, *m) ? m : nullptr;
}

// The plain member that a text is from, who becomes one by it; nullptr: it cannot be.
chat_state::member* chat_state::plain(chat_time now, const chat_path& from, std::string_view text) {
    if (member* const m = members_.find(from.peer)) {
        if (m->is_plain)
            return m;
        ++counts_.malformed;
        return nullptr;
    }
    const auto name = plain_chat_name(text);
    auto place = directory_.enter_plain(rules_.plain_room, name, from.peer.to_string());
    if (!place) {
        ++counts_.refusals;
        return nullptr;
    }
    announce(now, *place, chat_notice::what::joined);
    member& m = add(now, from, std::move(*place), members_.plains());
    m.spent = leavers_.take(now, from.peer);
    m.may_take_name = !name;
    return &m;
}

// A client may say its name later than at first, when somebody has typed something.
void chat_state::adopt_name(member& m, std::string_view text) {
    const auto name = m.may_take_name ? plain_chat_name(text) : std::nullopt;
    if (!name)
        return;
    directory_.rename(m.place, *name);
    m.may_take_name = false;
}

bool chat_state::admit(chat_time now, member& m) noexcept {
    if (m.spent.take(member_rate_, now))
        return true;
    ++counts_.over_member_rate;
    ++m.dropped;
    return false;
}

// `old`: the member there so far.
bool chat_state::admit_join(chat_time now, const endpoint& peer, member* old) noexcept {
    if (old)
        return admit(now, *old);
    if (leavers_.admit(now, peer))
        return true;
    ++counts_.over_member_rate;
    return false;
}

chat_state::member&
chat_state::add(chat_time now, const chat_path& from, chat_place place, chat_members::list& list) {
    member& m = members_.add(now, from, std::move(place), list);
    ++counts_.welcomes;
    output_.joined(m.address, m.place);
    return m;
}

// Its address may be back at once.
void chat_state::part_with(chat_time now, member& m, std::string_view why) {
    leavers_.keep(now, m.address, m.spent);
    drop(now, m, why);
}

void chat_state::drop(chat_time now, member& m, std::string_view why) {
    output_.left(m.address, m.place, why);
    const chat_place place = members_.remove(m);
    announce(now, place, chat_notice::what::left);
}

void chat_state::drop_silent(chat_time now, chat_members::list& list, duration longest) {
    while (!list.empty() && now - list.front().heard >= longest) {
        ++counts_.silent;
        part_with(now, list.front(), "silent");
    }
}

}  // namespace coserve
