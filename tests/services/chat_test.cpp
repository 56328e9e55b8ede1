#include <coserve/services/chat.hpp>

#include "protocol/chat_datagram.hpp"

#include <coserve/testing/datagram_session.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace coserve {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::ThrowsMessage;

template <class Datagram>
std::string written(const Datagram& d) {
    std::string out;
    write_chat(out, d);
    return out;
}

/// Lifetime: its texts are views of `bytes`.
template <class Reply>
Reply read(const std::string& bytes) {
    const auto reply = read_chat_reply(std::as_bytes(std::span(bytes)));
    return std::get<Reply>(reply.value());
}

/// The service on cores of which each peer's is known: its port, modulo their number.
class chat_session : public testing::datagram_session<chat> {
public:
    explicit chat_session(std::string_view query = {}, std::size_t cores = 1)
        : datagram_session(query, cores), cores_(cores) {}

    endpoint at(std::uint16_t port) {
        const endpoint e = peer(port);
        network().pin(e, port % cores_);
        return e;
    }

    template <class Datagram>
    void give(const endpoint& from, const Datagram& d) {
        send(from, written(d));
    }

    chat_welcome enter(const endpoint& e, std::string_view room, std::string_view name) {
        give(e, chat_join{.attempt = ++attempts_, .room = room, .name = name});
        for (const std::string& bytes : received(e))
            if (const auto reply = read_chat_reply(std::as_bytes(std::span(bytes))))
                if (const auto* w = std::get_if<chat_welcome>(&*reply))
                    return *w;
        throw std::runtime_error("no welcome");
    }

    /// What was said to this member since it was asked last.
    std::vector<std::string> heard(const endpoint& by) {
        std::vector<std::string> texts;
        for (const std::string& bytes : received(by))
            if (const auto reply = read_chat_reply(std::as_bytes(std::span(bytes))))
                if (const auto* d = std::get_if<chat_delivery>(&*reply))
                    texts.push_back(std::string(d->name) + ": " + std::string(d->text));
        return texts;
    }

private:
    std::size_t cores_;
    std::uint64_t attempts_ = 0;
};

// ---- who hears what

TEST(chat_test, a_message_reaches_each_member_once_on_whichever_core_it_is) {
    chat_session s({}, 3);
    std::map<std::uint16_t, chat_welcome> members;
    for (std::uint16_t port = 1; port <= 6; ++port)
        members[port] = s.enter(s.at(port), "tea", "member " + std::to_string(port));
    const chat_welcome elsewhere = s.enter(s.at(7), "coffee", "member 1");
    for (std::uint16_t port = 1; port <= 6; ++port)
        s.give(s.at(port), chat_message{members[port].token, 1, "hello"});
    for (std::uint16_t port = 1; port <= 6; ++port) {
        const auto texts = s.heard(s.at(port));
        EXPECT_THAT(texts, SizeIs(6));
        for (std::uint16_t sender = 1; sender <= 6; ++sender)
            EXPECT_THAT(texts, Contains("member " + std::to_string(sender) + ": hello").Times(1))
                << port;
    }
    EXPECT_THAT(s.heard(s.at(7)), IsEmpty());
    s.give(s.at(7), chat_message{elsewhere.token, 1, "alone"});
    EXPECT_THAT(s.heard(s.at(7)), ElementsAre("member 1: alone"));
}

TEST(chat_test, plain_members_get_texts_byte_for_byte) {
    chat_session s({}, 2);
    s.send(s.at(1), "客户端1的消息hello");
    s.send(s.at(2), "");
    EXPECT_THAT(s.received(s.at(1)), ElementsAre("客户端1的消息hello", ""));
    EXPECT_THAT(s.received(s.at(2)), ElementsAre(""));
    const chat_welcome ann = s.enter(s.at(3), "lobby", "Ann");
    s.give(s.at(3), chat_message{ann.token, 1, "hi"});
    EXPECT_THAT(s.received(s.at(1)), ElementsAre("Ann的消息hi"));
    EXPECT_THAT(s.received(s.at(2)), ElementsAre("Ann的消息hi"));
    s.send(s.at(1), "客户端1的消息 and again");
    EXPECT_THAT(s.heard(s.at(3)), ElementsAre("Ann: hi", "客户端1:  and again"));
}

TEST(chat_test, the_sender_hears_itself_only_where_that_is_asked_for) {
    chat_session s("echo=off", 2);
    const chat_welcome ann = s.enter(s.at(1), "tea", "Ann");
    s.enter(s.at(2), "tea", "Bob");
    s.give(s.at(1), chat_message{ann.token, 1, "hello"});
    EXPECT_THAT(s.heard(s.at(1)), IsEmpty());
    EXPECT_THAT(s.heard(s.at(2)), ElementsAre("Ann: hello"));
}

TEST(chat_test, what_was_cut_is_nobodys_word) {
    chat_session s("max-datagram=100");
    const chat_welcome ann = s.enter(s.at(1), "lobby", "Ann");
    s.send(s.at(2), std::string(101, 'x'));
    s.give(s.at(1), chat_message{ann.token, 1, std::string(100, 'y')});
    EXPECT_THAT(s.received(s.at(1)), IsEmpty());
    s.give(s.at(1), chat_message{ann.token, 2, "short"});
    EXPECT_THAT(s.heard(s.at(1)), ElementsAre("Ann: short"));
    EXPECT_THAT(s.received(s.at(2)), IsEmpty());
    EXPECT_EQ(s.server().stats().datagrams.truncated, 2U);
}

TEST(chat_test, others_get_a_cookie_first_and_cores_share_it) {
    chat_session s({}, 2);
    const endpoint far = endpoint::ip("192.0.2.1", 4000);
    s.network().pin(far, 0);
    s.give(far, chat_join{.attempt = 1, .room = "tea", .name = "Ann"});
    const auto asked = s.received(far);
    ASSERT_THAT(asked, SizeIs(1));
    EXPECT_LE(asked[0].size(), written(chat_join{.room = "tea", .name = "Ann"}).size());
    const auto cookie = read<chat_challenge>(asked[0]).cookie;
    s.network().pin(far, 1);
    s.give(far, chat_join{.attempt = 1, .cookie = cookie, .room = "tea", .name = "Ann"});
    const auto answer = s.received(far);
    ASSERT_THAT(answer, SizeIs(1));
    EXPECT_EQ(read<chat_welcome>(answer[0]).members, 1U);
}

// ---- who goes

TEST(chat_test, a_silent_member_is_dropped_after_three_heartbeats) {
    chat_session s("heartbeat=1s", 2);
    const chat_welcome ann = s.enter(s.at(1), "tea", "Ann");
    s.enter(s.at(2), "tea", "Bob");
    s.advance(2s);
    s.give(s.at(1), chat_heartbeat{ann.token, 1});
    s.received(s.at(1));
    s.advance(2s);
    const auto told = s.received(s.at(1));
    ASSERT_THAT(told, SizeIs(1));
    EXPECT_EQ(read<chat_notice>(told[0]).name, "Bob");
    s.give(s.at(1), chat_heartbeat{ann.token, 2});
    EXPECT_EQ(read<chat_alive>(s.received(s.at(1)).at(0)).members, 1U);
    EXPECT_THAT(s.log(), Contains(AllOf(HasSubstr("member left"), HasSubstr("Bob in tea"))));
}

TEST(chat_test, a_closed_port_is_a_member_no_more) {
    chat_session s({}, 2);
    const chat_welcome ann = s.enter(s.at(1), "tea", "Ann");
    s.enter(s.at(2), "tea", "Bob");
    s.network().leave(s.at(2));
    s.give(s.at(1), chat_message{ann.token, 1, "anybody?"});
    s.settle();
    s.received(s.at(1));
    s.give(s.at(1), chat_heartbeat{ann.token, 1});
    EXPECT_EQ(read<chat_alive>(s.received(s.at(1)).at(0)).members, 1U);
}

TEST(chat_test, members_are_told_of_the_end) {
    chat_session s({}, 2);
    const chat_welcome ann = s.enter(s.at(1), "tea", "Ann");
    s.enter(s.at(2), "coffee", "Bob");
    s.send(s.at(3), "plain");
    s.received(s.at(1));
    s.received(s.at(3));
    s.drain();
    EXPECT_TRUE(s.ended());
    const auto told = s.received(s.at(1));
    ASSERT_THAT(told, SizeIs(1));
    EXPECT_EQ(read<chat_refused>(told[0]).reason, chat_refusal::ending);
    EXPECT_EQ(read<chat_refused>(told[0]).about, ann.token);
    EXPECT_THAT(s.received(s.at(2)), SizeIs(1));
    EXPECT_THAT(s.received(s.at(3)), IsEmpty());
}

TEST(chat_test, garbage_is_counted_and_answered_by_nothing) {
    chat_session s;
    const endpoint far = endpoint::ip("192.0.2.1", 4000);
    s.send(s.at(1), "\xff");
    s.send(s.at(1), "\xff\x02");
    s.send(far, "plain text");
    EXPECT_THAT(s.received(s.at(1)), IsEmpty());
    EXPECT_THAT(s.received(far), IsEmpty());
    s.drain();
    EXPECT_THAT(
        s.log(),
        Contains(AllOf(
            HasSubstr("chat ended"),
            HasSubstr("2 malformed datagrams"),
            HasSubstr("1 plain texts from other machines")
        ))
    );
}

TEST(chat_test, joining_and_leaving_are_logged) {
    chat_session s;
    const chat_welcome ann = s.enter(s.at(7), "tea", "Ann");
    s.give(s.at(7), chat_leave{ann.token});
    EXPECT_THAT(
        s.log(),
        ElementsAre(
            AllOf(HasSubstr("member joined"), HasSubstr("Ann in tea, from 127.0.0.1:7")),
            AllOf(HasSubstr("member left"), HasSubstr("Ann in tea, from 127.0.0.1:7: left"))
        )
    );
}

// ---- what it is told

TEST(chat_test, bounds_of_all_cores_together) {
    chat_session s("max-members=2&max-rooms=1", 2);
    s.enter(s.at(1), "tea", "Ann");
    s.give(s.at(2), chat_join{.attempt = 1, .room = "coffee", .name = "Bob"});
    EXPECT_EQ(read<chat_refused>(s.received(s.at(2)).at(0)).reason, chat_refusal::too_many_rooms);
    s.enter(s.at(2), "tea", "Bob");
    s.give(s.at(3), chat_join{.attempt = 1, .room = "tea", .name = "Cid"});
    EXPECT_EQ(read<chat_refused>(s.received(s.at(3)).at(0)).reason, chat_refusal::too_many_members);
}

chat::options read_options(std::vector<option> given) {
    option_reader reader("chat=udp://127.0.0.1:7703", std::move(given));
    chat::options o;
    o.read(reader);
    reader.finish();
    return o;
}

TEST(chat_options_test, have_keys) {
    const chat_rules r = read_options({{"echo", "off"},
                                       {"plain-room", "客厅"},
                                       {"heartbeat", "100ms"},
                                       {"plain-silence", "1m"},
                                       {"max-rooms", "3"},
                                       {"max-members", "4"},
                                       {"max-room-members", "5"},
                                       {"member-rate", "0"},
                                       {"room-rate", "7"}})
                             .rules;
    EXPECT_FALSE(r.echo);
    EXPECT_EQ(r.plain_room, "客厅");
    EXPECT_EQ(r.heartbeat, 100ms);
    EXPECT_EQ(r.plain_silence, 1min);
    EXPECT_EQ(r.max_rooms, 3U);
    EXPECT_EQ(r.max_members, 4U);
    EXPECT_EQ(r.max_room_members, 5U);
    EXPECT_EQ(r.member_rate, 0U);
    EXPECT_EQ(r.room_rate, 7U);
}

TEST(chat_options_test, refuse_what_is_out_of_range) {
    const std::vector<option> wrong{
        {"echo", "loud"},
        {"plain-room", ""},
        {"plain-room", "a\nb"},
        {"heartbeat", "99ms"},
        {"heartbeat", "0s"},
        {"heartbeat", "61m"},
        {"plain-silence", "0s"},
        {"plain-silence", "25h"},
        {"max-rooms", "0"},
        {"max-members", "0"},
        {"max-members", "1000001"},
        {"max-room-members", "0"},
        {"member-rate", "-1"},
        {"room-rate", "10000001"},
    };
    for (const option& o : wrong)
        EXPECT_THAT(
            [&] { read_options({o}); },
            ThrowsMessage<configuration_error>(AllOf(HasSubstr(o.key), Not(HasSubstr("known"))))
        ) << o.key
          << "=" << o.value;
}

}  // namespace
}  // namespace coserve
