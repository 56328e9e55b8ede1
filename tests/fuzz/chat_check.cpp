#include "chat_check.hpp"

#include "framing_check.hpp"
#include "protocol/chat_datagram.hpp"
#include "protocol/chat_member.hpp"
#include "protocol/chat_name.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace chat_check {
namespace {

using framing_check::broken_rule;

void demand(bool holds, const char* rule) {
    if (!holds)
        throw broken_rule(rule);
}

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

/// That each datagram has one way to be written.
template <class Any>
void check_written(const Any& datagram, std::string_view read) {
    std::string again;
    std::visit([&](const auto& d) { write_chat(again, d); }, datagram);
    demand(again == read, "a datagram is written as it was read");
}

void check_format(std::string_view input) {
    const auto request = coserve::read_chat_request(bytes_of(input));
    const auto reply = coserve::read_chat_reply(bytes_of(input));
    demand(!request || !reply, "a datagram goes one way");
    if (request)
        check_written(*request, input);
    if (reply)
        check_written(*reply, input);
}

void check_name(std::string_view input) {
    if (coserve::is_chat_name(input)) {
        const auto is_control = [](unsigned char c) { return c < ' ' || c == 0x7f; };
        demand(std::ranges::none_of(input, is_control), "a name has no control characters");
        demand(input.size() <= coserve::longest_chat_name, "a name is short");
        const std::string text = std::string(input).append(coserve::plain_name_mark).append("x");
        demand(coserve::plain_chat_name(text) == input, "a name stands before its mark");
    }
    if (const auto name = coserve::plain_chat_name(input))
        demand(coserve::is_chat_name(*name), "a name in a text is a name");
}

/// A client that is told anything.
class member final : public coserve::chat_member::output {
public:
    void send(coserve::frame_view f) override {
        last_ = f.text();
        demand(coserve::read_chat_request({f.data(), f.size()}).has_value(), "it sends requests");
    }

    void happened(const coserve::chat_event&) override { ++events_; }

    void check(std::string_view datagrams) {
        client_.join(now_, "tea");
        while (!datagrams.empty()) {
            const auto size = static_cast<unsigned char>(datagrams.front());
            datagrams.remove_prefix(1);
            std::string one(datagrams.substr(0, size));
            datagrams.remove_prefix(one.size());
            make_likely(one);
            client_.receive(now_, bytes_of(one));
            now_ += std::chrono::milliseconds(size);
            client_.tick(now_);
            demand(client_.due() > now_, "it never spins");
            if (client_.joined() && !client_.joining())
                demand(client_.say("") && client_.ask_names(), "a member says what it likes");
            else if (!client_.joining())  // it was refused
                client_.join(now_, "coffee");
        }
    }

private:
    /// Numbers that only the client knows: of what was sent last.
    void make_likely(std::string& reply) const {
        constexpr std::size_t at = 3, size = sizeof(std::uint64_t);
        const std::size_t to = reply.size() > 2 && reply[2] == '\x83' ? at + 1 : at;
        if (reply.size() >= to + size && last_.size() >= at + size && reply[to] == 'L')
            std::memcpy(reply.data() + to, last_.data() + at, size);
    }

    std::string last_;
    std::size_t events_ = 0;
    coserve::chat_time now_{std::chrono::seconds(1)};
    coserve::chat_member client_{{.name = "Ann", .client = 1}, *this};
};

}  // namespace

void check(std::string_view input) {
    // A block of exactly this size, so that the sanitizer sees a byte too many being read.
    const std::vector<char> copy(input.begin(), input.end());
    const std::string_view exact(copy.data(), copy.size());
    check_format(exact);
    check_name(exact);
    member().check(exact);
}

}  // namespace chat_check
