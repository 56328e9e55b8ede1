#include "protocol/chat_datagram.hpp"

#include <cassert>
#include <concepts>
#include <cstring>

namespace coserve {
namespace {

enum class kind : std::uint8_t {
    join = 0x01,
    leave,
    message,
    heartbeat,
    who,
    challenge = 0x81,
    welcome,
    refused,
    delivery,
    notice,
    alive,
    names,
    left,
};

/// Each part of a datagram in turn; `complete()` tells whether all were there, and nothing else.
class parts {
public:
    explicit parts(std::string_view datagram) noexcept : rest_(datagram) {}

    template <std::unsigned_integral T>
    void operator()(T& number) noexcept {
        number = 0;
        const std::string_view bytes = take(sizeof number);
        for (std::size_t i = bytes.size(); i-- > 0;)
            number = static_cast<T>(
                static_cast<std::uint64_t>(number) << 8 | static_cast<unsigned char>(bytes[i])
            );
    }

    void operator()(chat_cookie& c) noexcept {
        const std::string_view bytes = take(c.size());
        if (!bytes.empty())
            std::memcpy(c.data(), bytes.data(), bytes.size());
    }

    void operator()(std::string_view& name) noexcept {
        std::uint8_t size = 0;
        operator()(size);
        name = take(size);
    }

    std::string_view rest() noexcept { return take(rest_.size()); }

    bool complete() const noexcept { return good_ && rest_.empty(); }

private:
    std::string_view take(std::size_t size) noexcept {
        good_ = good_ && size <= rest_.size();
        if (!good_)
            return {};
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }

    std::string_view rest_;
    bool good_ = true;
};

template <class Any, class T, class... Fields>
std::optional<Any> read_as(parts p, T datagram, Fields T::*... fields) noexcept {
    (p(datagram.*fields), ...);
    return p.complete() ? std::optional<Any>(datagram) : std::nullopt;
}

std::optional<chat_request> read_message(parts p) noexcept {
    chat_message m;
    p(m.token);
    p(m.sequence);
    m.text = p.rest();
    return p.complete() ? std::optional<chat_request>(m) : std::nullopt;
}

std::optional<chat_reply> read_refused(parts p) noexcept {
    chat_refused r;
    std::uint8_t reason = 0;
    p(reason);
    p(r.about);
    r.reason = chat_refusal{reason};
    return p.complete() && reason != 0 ? std::optional<chat_reply>(r) : std::nullopt;
}

std::optional<chat_reply> read_delivery(parts p) noexcept {
    chat_delivery d;
    p(d.room);
    p(d.member);
    p(d.sequence);
    p(d.name);
    d.text = p.rest();
    return p.complete() ? std::optional<chat_reply>(d) : std::nullopt;
}

std::optional<chat_reply> read_notice(parts p) noexcept {
    chat_notice n;
    std::uint8_t what = 0;
    p(what);
    p(n.room);
    p(n.member);
    p(n.name);
    n.happened = chat_notice::what{what};
    const bool known = what == 1 || what == 2;
    return p.complete() && known ? std::optional<chat_reply>(n) : std::nullopt;
}

bool are_names(std::string_view names) noexcept {
    while (take_chat_name(names)) {
    }
    return names.empty();
}

std::optional<chat_reply> read_names(parts p) noexcept {
    chat_names n;
    p(n.token);
    p(n.number);
    p(n.members);
    n.names = p.rest();
    return p.complete() && are_names(n.names) ? std::optional<chat_reply>(n) : std::nullopt;
}

/// Behind the head; nullopt: it has none of ours.
std::optional<std::pair<kind, parts>> read_head(std::span<const std::byte> datagram) noexcept {
    parts p({reinterpret_cast<const char*>(datagram.data()), datagram.size()});
    std::uint8_t magic = 0, version = 0, which = 0;
    p(magic);
    p(version);
    p(which);
    if (std::byte{magic} != chat_magic || version != chat_version)
        return std::nullopt;
    return std::pair(kind{which}, p);
}

class datagram {
public:
    datagram(std::string& out, kind k) : out_(out) {
        out_.clear();
        out_ += static_cast<char>(chat_magic);
        number(chat_version);
        number(static_cast<std::uint8_t>(k));
    }

    template <std::unsigned_integral T>
    datagram& number(T n) {
        for (std::size_t i = 0; i < sizeof n; ++i)
            out_ += static_cast<char>(static_cast<std::uint64_t>(n) >> 8 * i & 0xff);
        return *this;
    }

    datagram& cookie(const chat_cookie& c) {
        out_.append(reinterpret_cast<const char*>(c.data()), c.size());
        return *this;
    }

    datagram& name(std::string_view n) {
        append_chat_name(out_, n);
        return *this;
    }

    datagram& text(std::string_view t) {
        out_.append(t);
        return *this;
    }

private:
    std::string& out_;
};

}  // namespace

std::optional<chat_request> read_chat_request(std::span<const std::byte> bytes) noexcept {
    const auto head = read_head(bytes);
    if (!head)
        return std::nullopt;
    const parts& p = head->second;
    using any = chat_request;
    switch (head->first) {
    case kind::join:
        return read_as<any>(
            p,
            chat_join(),
            &chat_join::attempt,
            &chat_join::cookie,
            &chat_join::room,
            &chat_join::name
        );
    case kind::leave:
        return read_as<any>(p, chat_leave(), &chat_leave::token);
    case kind::message:
        return read_message(p);
    case kind::heartbeat:
        return read_as<any>(p, chat_heartbeat(), &chat_heartbeat::token, &chat_heartbeat::number);
    case kind::who:
        return read_as<any>(p, chat_who(), &chat_who::token, &chat_who::number);
    default:
        return std::nullopt;
    }
}

std::optional<chat_reply> read_chat_reply(std::span<const std::byte> bytes) noexcept {
    const auto head = read_head(bytes);
    if (!head)
        return std::nullopt;
    const parts& p = head->second;
    using any = chat_reply;
    switch (head->first) {
    case kind::challenge:
        return read_as<any>(p, chat_challenge(), &chat_challenge::attempt, &chat_challenge::cookie);
    case kind::welcome:
        return read_as<any>(
            p,
            chat_welcome(),
            &chat_welcome::attempt,
            &chat_welcome::token,
            &chat_welcome::room,
            &chat_welcome::member,
            &chat_welcome::heartbeat_ms,
            &chat_welcome::members,
            &chat_welcome::longest_text
        );
    case kind::refused:
        return read_refused(p);
    case kind::delivery:
        return read_delivery(p);
    case kind::notice:
        return read_notice(p);
    case kind::alive:
        return read_as<any>(
            p,
            chat_alive(),
            &chat_alive::token,
            &chat_alive::number,
            &chat_alive::members,
            &chat_alive::dropped
        );
    case kind::names:
        return read_names(p);
    case kind::left:
        return read_as<any>(p, chat_left(), &chat_left::token);
    default:
        return std::nullopt;
    }
}

std::optional<std::string_view> take_chat_name(std::string_view& names) noexcept {
    const std::size_t size = names.empty() ? 0 : static_cast<unsigned char>(names.front());
    if (names.size() < 1 + size)
        return std::nullopt;
    const std::string_view name = names.substr(1, size);
    names.remove_prefix(1 + size);
    return name;
}

void append_chat_name(std::string& names, std::string_view name) {
    assert(name.size() <= 255);
    names += static_cast<char>(name.size());
    names.append(name);
}

void write_chat(std::string& out, const chat_join& j) {
    datagram(out, kind::join).number(j.attempt).cookie(j.cookie).name(j.room).name(j.name);
}

void write_chat(std::string& out, const chat_leave& l) {
    datagram(out, kind::leave).number(l.token);
}

void write_chat(std::string& out, const chat_message& m) {
    datagram(out, kind::message).number(m.token).number(m.sequence).text(m.text);
}

void write_chat(std::string& out, const chat_heartbeat& h) {
    datagram(out, kind::heartbeat).number(h.token).number(h.number);
}

void write_chat(std::string& out, const chat_who& w) {
    datagram(out, kind::who).number(w.token).number(w.number);
}

void write_chat(std::string& out, const chat_challenge& c) {
    datagram(out, kind::challenge).number(c.attempt).cookie(c.cookie);
}

void write_chat(std::string& out, const chat_welcome& w) {
    datagram(out, kind::welcome)
        .number(w.attempt)
        .number(w.token)
        .number(w.room)
        .number(w.member)
        .number(w.heartbeat_ms)
        .number(w.members)
        .number(w.longest_text);
}

void write_chat(std::string& out, const chat_refused& r) {
    datagram(out, kind::refused).number(static_cast<std::uint8_t>(r.reason)).number(r.about);
}

void write_chat(std::string& out, const chat_delivery& d) {
    datagram(out, kind::delivery)
        .number(d.room)
        .number(d.member)
        .number(d.sequence)
        .name(d.name)
        .text(d.text);
}

void write_chat(std::string& out, const chat_notice& n) {
    datagram(out, kind::notice)
        .number(static_cast<std::uint8_t>(n.happened))
        .number(n.room)
        .number(n.member)
        .name(n.name);
}

void write_chat(std::string& out, const chat_alive& a) {
    datagram(out, kind::alive).number(a.token).number(a.number).number(a.members).number(a.dropped);
}

void write_chat(std::string& out, const chat_names& n) {
    datagram(out, kind::names).number(n.token).number(n.number).number(n.members).text(n.names);
}

void write_chat(std::string& out, const chat_left& l) {
    datagram(out, kind::left).number(l.token);
}

std::string_view text_of(chat_refusal reason) noexcept {
    switch (reason) {
    case chat_refusal::bad_name:
        return "the name is none: 1 to 64 bytes of UTF-8 without control characters, "
               "marks of direction and others that nobody sees, without blanks around it, "
               "and without 的消息";
    case chat_refusal::bad_room:
        return "the room's name is none: 1 to 64 bytes of UTF-8 without control characters, "
               "marks of direction and others that nobody sees, without blanks around it, "
               "and without 的消息";
    case chat_refusal::name_taken:
        return "the name is taken";
    case chat_refusal::room_full:
        return "the room is full";
    case chat_refusal::too_many_rooms:
        return "there are too many rooms";
    case chat_refusal::too_many_members:
        return "there are too many members";
    case chat_refusal::unknown_member:
        return "the server does not know this member";
    case chat_refusal::too_long:
        return "the message is too long";
    case chat_refusal::ending:
        return "the server ends";
    }
    return "the server refused it";
}

}  // namespace coserve
