// The writing of chat's datagrams.
#include "protocol/chat_datagram.hpp"
#include "protocol/chat_kind.hpp"

#include <cassert>
#include <concepts>

namespace coserve {
namespace {

class datagram {
public:
    datagram(std::string& out, chat_kind k) : out_(out) {
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

void append_chat_name(std::string& names, std::string_view name) {
    assert(name.size() <= 255);
    names += static_cast<char>(name.size());
    names.append(name);
}

void write_chat(std::string& out, const chat_join& j) {
    datagram(out, chat_kind::join).number(j.attempt).cookie(j.cookie).name(j.room).name(j.name);
}

void write_chat(std::string& out, const chat_leave& l) {
    datagram(out, chat_kind::leave).number(l.token);
}

void write_chat(std::string& out, const chat_message& m) {
    datagram(out, chat_kind::message).number(m.token).number(m.sequence).text(m.text);
}

void write_chat(std::string& out, const chat_heartbeat& h) {
    datagram(out, chat_kind::heartbeat).number(h.token).number(h.number);
}

void write_chat(std::string& out, const chat_who& w) {
    datagram(out, chat_kind::who).number(w.token).number(w.number);
}

void write_chat(std::string& out, const chat_challenge& c) {
    datagram(out, chat_kind::challenge).number(c.attempt).cookie(c.cookie);
}

void write_chat(std::string& out, const chat_welcome& w) {
    datagram(out, chat_kind::welcome)
        .number(w.attempt)
        .number(w.token)
        .number(w.room)
        .number(w.member)
        .number(w.heartbeat_ms)
        .number(w.members)
        .number(w.longest_text);
}

void write_chat(std::string& out, const chat_refused& r) {
    datagram(out, chat_kind::refused).number(static_cast<std::uint8_t>(r.reason)).number(r.about);
}

void write_chat(std::string& out, const chat_delivery& d) {
    datagram(out, chat_kind::delivery)
        .number(d.room)
        .number(d.member)
        .number(d.sequence)
        .name(d.name)
        .text(d.text);
}

void write_chat(std::string& out, const chat_notice& n) {
    datagram(out, chat_kind::notice)
        .number(static_cast<std::uint8_t>(n.happened))
        .number(n.room)
        .number(n.member)
        .name(n.name);
}

void write_chat(std::string& out, const chat_alive& a) {
    datagram(out, chat_kind::alive)
        .number(a.token)
        .number(a.number)
        .number(a.members)
        .number(a.dropped);
}

void write_chat(std::string& out, const chat_names& n) {
    datagram(out, chat_kind::names)
        .number(n.token)
        .number(n.number)
        .number(n.members)
        .text(n.names);
}

void write_chat(std::string& out, const chat_left& l) {
    datagram(out, chat_kind::left).number(l.token);
}

}  // namespace coserve
