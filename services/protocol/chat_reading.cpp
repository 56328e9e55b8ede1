// The reading of chat's datagrams.
#include "protocol/chat_datagram.hpp"
#include "protocol/chat_kind.hpp"

#include <concepts>
#include <cstring>
#include <utility>

namespace coserve {
namespace {

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
std::optional<std::pair<chat_kind, parts>> read_head(std::span<const std::byte> datagram) noexcept {
    parts p({reinterpret_cast<const char*>(datagram.data()), datagram.size()});
    std::uint8_t magic = 0, version = 0, which = 0;
    p(magic);
    p(version);
    p(which);
    if (std::byte{magic} != chat_magic || version != chat_version)
        return std::nullopt;
    return std::pair(chat_kind{which}, p);
}

}  // namespace

std::optional<chat_request> read_chat_request(std::span<const std::byte> bytes) noexcept {
    const auto head = read_head(bytes);
    if (!head)
        return std::nullopt;
    const parts& p = head->second;
    using any = chat_request;
    switch (head->first) {
    case chat_kind::join:
        return read_as<any>(
            p,
            chat_join(),
            &chat_join::attempt,
            &chat_join::cookie,
            &chat_join::room,
            &chat_join::name
        );
    case chat_kind::leave:
        return read_as<any>(p, chat_leave(), &chat_leave::token);
    case chat_kind::message:
        return read_message(p);
    case chat_kind::heartbeat:
        return read_as<any>(p, chat_heartbeat(), &chat_heartbeat::token, &chat_heartbeat::number);
    case chat_kind::who:
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
    case chat_kind::challenge:
        return read_as<any>(p, chat_challenge(), &chat_challenge::attempt, &chat_challenge::cookie);
    case chat_kind::welcome:
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
    case chat_kind::refused:
        return read_refused(p);
    case chat_kind::delivery:
        return read_delivery(p);
    case chat_kind::notice:
        return read_notice(p);
    case chat_kind::alive:
        return read_as<any>(
            p,
            chat_alive(),
            &chat_alive::token,
            &chat_alive::number,
            &chat_alive::members,
            &chat_alive::dropped
        );
    case chat_kind::names:
        return read_names(p);
    case chat_kind::left:
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

}  // namespace coserve
