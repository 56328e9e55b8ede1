#include "protocol/chat_member.hpp"

#include <algorithm>
#include <utility>

namespace coserve {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

/// Of which all that was heard is kept in mind. A server invents no more of them for us.
constexpr std::size_t most_senders = 10'000;

/// A server that sends one challenge after the other is answered but so often between two tries.
constexpr unsigned most_challenges = 3;

constexpr unsigned leaves = 4;
constexpr nanoseconds leave_again = milliseconds(250);

/// Who misses so many is none any more, on both sides.
constexpr int missed_heartbeats = 3;
/// Unanswered ones are repeated, so many times in the time of one.
constexpr int repeats = 4;
/// That is as many as were sent by then; who slept has sent fewer, and has perhaps not read yet
/// what came meanwhile.
constexpr unsigned most_unanswered = (missed_heartbeats - 1) * repeats;

nanoseconds checked_heartbeat(std::uint32_t ms) noexcept {
    return std::clamp<nanoseconds>(milliseconds(ms), milliseconds(20), std::chrono::hours(1));
}

}  // namespace

chat_member::chat_member(options o, output& out)
    : options_(std::move(o)), output_(out), random_(options_.client) {}

// ---- what is asked of it

void chat_member::join(chat_time now, std::string_view room) {
    // So long that it could not even be sent.
    if (!is_chat_name(room) || !is_chat_name(options_.name)) {
        using enum chat_refusal;
        const chat_refusal reason = is_chat_name(room) ? bad_name : bad_room;
        return output_.happened(chat_join_refused{.room = room, .reason = reason});
    }
    leaving_.reset();
    begin_join(std::string(room), false);
    send_join(now);
}

bool chat_member::say(std::string_view text) {
    if (!place_ || joining_ || text.size() > place_->longest_text)
        return false;
    send(chat_message{.token = place_->token, .sequence = ++place_->sequence, .text = text});
    return true;
}

bool chat_member::ask_names() {
    if (!place_)
        return false;
    send(chat_who{.token = place_->token, .number = place_->number});
    return true;
}

void chat_member::leave(chat_time now) {
    joining_.reset();
    if (!place_) {
        if (!leaving_)
            output_.happened(chat_has_left());
        return;
    }
    leaving_ = farewell{.token = place_->token};
    place_.reset();
    send_leave(now);
}

void chat_member::tick(chat_time now) {
    if (joining_ && now >= joining_->due) {
        joining_->challenges = 0;
        send_join(now);
    }
    if (leaving_ && now >= leaving_->due) {
        if (leaving_->tries < leaves)
            send_leave(now);
        else
            return end_leave();
    }
    if (!place_ || now < place_->due)
        return;
    // On its way to another room its token is perhaps not the server's any more.
    if (!joining_ && is_silent(now))
        return lose_contact(now, chat_lost_contact::why::silence);
    send_heartbeat(now);
}

bool chat_member::is_silent(chat_time now) {
    place& p = *place_;
    if (p.unanswered < most_unanswered || now - p.answered < missed_heartbeats * p.heartbeat)
        return false;
    // Woken after the last one: its answer is perhaps there, unread.
    const bool slept = now - p.due >= p.heartbeat / repeats;
    return !slept || std::exchange(p.excused, true);
}

chat_time chat_member::due() const noexcept {
    chat_time first = chat_time::max();
    if (joining_)
        first = std::min(first, joining_->due);
    if (leaving_)
        first = std::min(first, leaving_->due);
    if (place_)
        first = std::min(first, place_->due);
    return first;
}

std::string_view chat_member::room() const noexcept {
    return place_ ? std::string_view(place_->room) : std::string_view();
}

// ---- what it sends

template <class Datagram>
void chat_member::send(const Datagram& d) {
    write_chat(scratch_, d);
    output_.send(scratch_);
}

void chat_member::begin_join(std::string room, bool again) {
    const std::uint64_t number = std::uint64_t{options_.client} << 32 | ++attempts_;
    joining_ = attempt();
    joining_->room = std::move(room);
    joining_->number = number;
    joining_->again = again;
}

void chat_member::send_join(chat_time now) {
    attempt& a = *joining_;
    const unsigned doublings = std::min(a.tries++, 16U);
    a.due =
        now + jittered(std::min(options_.first_retry * (1 << doublings), options_.longest_retry));
    send(chat_join{.attempt = a.number, .cookie = a.cookie, .room = a.room, .name = options_.name});
}

void chat_member::send_leave(chat_time now) {
    ++leaving_->tries;
    leaving_->due = now + leave_again;
    send(chat_leave{leaving_->token});
}

void chat_member::send_heartbeat(chat_time now) {
    place& p = *place_;
    p.sent = now;
    p.due = now + p.heartbeat / repeats;
    ++p.unanswered;
    send(chat_heartbeat{.token = p.token, .number = ++p.number});
}

/// Between three quarters and the whole, so that not all come at once when a server is back.
nanoseconds chat_member::jittered(nanoseconds t) noexcept {
    random_ = random_ * 6364136223846793005U + 1442695040888963407U;
    return t - t / 1024 * static_cast<nanoseconds::rep>(random_ >> 56);
}

// ---- what it receives

void chat_member::receive(chat_time now, std::span<const std::byte> datagram) {
    const auto reply = read_chat_reply(datagram);
    if (reply)
        std::visit([&](const auto& r) { on(now, r); }, *reply);
    else
        ++statistics_.strays;
}

void chat_member::on(chat_time now, const chat_challenge& c) {
    // The same cookie again: a duplicate of what was answered.
    if (!joining_ || c.attempt != joining_->number || c.cookie == joining_->cookie)
        return;
    if (joining_->challenges++ >= most_challenges)
        return;
    joining_->cookie = c.cookie;
    send_join(now);
}

void chat_member::on(chat_time now, const chat_welcome& w) {
    if (joining_ && w.attempt == joining_->number)
        return enter(now, w);
    const bool ours = w.attempt >> 32 == options_.client;
    if (ours && !joining_ && !place_)  // an old join of ours made us a member, and we have left
        send(chat_leave{w.token});
}

void chat_member::enter(chat_time now, const chat_welcome& w) {
    place p;
    p.room = std::move(joining_->room);
    p.attempt = w.attempt;
    p.token = w.token;
    p.room_id = w.room;
    p.id = w.member;
    p.heartbeat = checked_heartbeat(w.heartbeat_ms);
    p.members = w.members;
    p.longest_text = w.longest_text;
    p.answered = now;
    p.due = now + jittered(p.heartbeat);
    const bool again = joining_->again;
    place_ = std::move(p);
    joining_.reset();
    ++stays_;
    follow(place_->id);
    // A copy: whoever is told may join another one.
    const std::string room = place_->room;
    output_.happened(chat_joined{.room = room, .members = w.members, .again = again});
}

void chat_member::on(chat_time now, const chat_refused& r) {
    if (joining_ && r.about == joining_->number)
        refuse_join(r.reason);
    else if (place_ && r.about == place_->token)
        refuse_member(now, r.reason);
    else if (leaving_ && r.about == leaving_->token)
        end_leave();
}

void chat_member::refuse_join(chat_refusal reason) {
    const std::string room = joining_->room;
    if (!joining_->again)
        joining_.reset();
    else if (std::exchange(joining_->told, reason) == reason)
        return;
    output_.happened(chat_join_refused{.room = room, .reason = reason});
}

void chat_member::refuse_member(chat_time now, chat_refusal reason) {
    if (reason == chat_refusal::too_long)
        output_.happened(chat_too_long());
    else if (reason == chat_refusal::ending)
        lose_contact(now, chat_lost_contact::why::ending);
    else if (reason == chat_refusal::unknown_member && !joining_)  // else it may have moved already
        lose_contact(now, chat_lost_contact::why::forgotten);
}

void chat_member::lose_contact(chat_time now, chat_lost_contact::why reason) {
    std::string room = std::move(place_->room);
    place_.reset();
    if (!joining_) {
        begin_join(std::move(room), true);
        if (reason == chat_lost_contact::why::ending)  // on others of its cores it ends later
            joining_->due = now + jittered(options_.first_retry);
        else
            send_join(now);
    }
    output_.happened(chat_lost_contact{reason});
}

void chat_member::end_leave() {
    leaving_.reset();
    output_.happened(chat_has_left());
}

void chat_member::on(chat_time, const chat_delivery& d) {
    if (!place_ || d.room != place_->room_id) {
        ++statistics_.strays;
        return;
    }
    sender& s = sender_of(d.member);
    const auto [where, skipped] = s.seen.see(d.sequence);
    using place_of = sequence_window::place;
    if (where == place_of::known) {
        ++statistics_.duplicates;
        return;
    }
    ++statistics_.heard;
    chat_heard heard{.member = d.member, .name = d.name, .text = d.text};
    heard.own = d.member == place_->id;
    heard.late = where == place_of::late;
    if (heard.late) {
        ++statistics_.late;
        heard.found = s.stay == stays_ && d.sequence > s.first && s.missing > 0;
        s.missing -= heard.found ? 1 : 0;
        statistics_.lost -= heard.found ? 1 : 0;
    } else if (s.stay == stays_) {
        heard.missed = std::min(skipped, most_missed);
        s.missing += heard.missed;
        statistics_.lost += heard.missed;
    } else {  // what was said while this member was not here is not lost
        s.stay = stays_;
        s.first = d.sequence;
        s.missing = 0;
    }
    output_.happened(heard);
}

/// All that it says is for this member: what comes first should be number one.
void chat_member::follow(std::uint64_t id) {
    sender& s = sender_of(id);
    if (s.stay != 0)
        return;
    s.stay = stays_;
    s.seen.see(0);
}

chat_member::sender& chat_member::sender_of(std::uint64_t id) {
    const auto known = sender_by_id_.find(id);
    if (known != sender_by_id_.end()) {
        senders_.splice(senders_.begin(), senders_, known->second);
        return senders_.front();
    }
    if (senders_.size() == most_senders) {
        sender_by_id_.erase(senders_.back().id);
        senders_.pop_back();
    }
    senders_.emplace_front().id = id;
    sender_by_id_.emplace(id, senders_.begin());
    return senders_.front();
}

void chat_member::on(chat_time, const chat_notice& n) {
    if (!place_ || n.room != place_->room_id) {
        ++statistics_.strays;
        return;
    }
    const bool joined = n.happened == chat_notice::what::joined;
    if (joined)
        follow(n.member);
    output_.happened(chat_noticed{.member = n.member, .name = n.name, .joined = joined});
}

void chat_member::on(chat_time now, const chat_alive& a) {
    if (!place_ || a.token != place_->token)
        return;
    place& p = *place_;
    if (a.number <= p.answered_number || a.number > p.number)  // a duplicate, or overtaken
        return;
    if (a.number == p.number)
        round_trip_ = now - p.sent;
    p.answered_number = a.number;
    p.answered = now;
    p.unanswered = 0;
    p.excused = false;
    p.due = p.sent + p.heartbeat;
    p.members = a.members;
    if (a.dropped <= p.dropped)
        return;
    const std::uint64_t more = a.dropped - std::exchange(p.dropped, a.dropped);
    output_.happened(chat_over_rate{more});
}

void chat_member::on(chat_time, const chat_names& n) {
    if (place_ && n.token == place_->token)
        output_.happened(chat_roster{.count = n.members, .names = n.names});
}

void chat_member::on(chat_time, const chat_left& l) {
    if (leaving_ && l.token == leaving_->token)
        end_leave();
}

}  // namespace coserve
