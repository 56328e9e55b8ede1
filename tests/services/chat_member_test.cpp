#include "protocol/chat_member.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace coserve {
namespace {

using namespace std::chrono_literals;
using why = chat_lost_contact::why;

/// A member against a server that is played by the test.
class chat_member_test : public ::testing::Test, public chat_member::output {
protected:
    void send(frame_view f) override { sent.emplace_back(f.text()); }

    void happened(const chat_event& e) override {
        events.push_back(std::visit([this](const auto& what) { return told(what); }, e));
    }

    std::string told(const chat_joined& j) {
        return std::string(j.again ? "again in " : "joined ").append(j.room);
    }

    std::string told(const chat_join_refused& r) {
        return std::string("refused: ").append(text_of(r.reason));
    }

    std::string told(const chat_heard& h) {
        std::string text = std::string(h.name).append(": ").append(h.text);
        text += h.own ? " (own)" : "";
        text += h.late ? " (late)" : "";
        text += h.found ? " (found)" : "";
        return h.missed ? text + " (missed " + std::to_string(h.missed) + ')' : text;
    }

    std::string told(const chat_noticed& n) {
        return std::string(n.name).append(n.joined ? " joined" : " left");
    }

    std::string told(const chat_roster& r) { return std::to_string(r.count) + " members"; }

    std::string told(const chat_lost_contact& l) {
        return l.reason == why::silence ? "silence" : l.reason == why::ending ? "end" : "forgotten";
    }

    std::string told(const chat_over_rate& o) { return "dropped " + std::to_string(o.dropped); }

    std::string told(const chat_too_long&) { return "too long"; }

    std::string told(const chat_has_left&) { return "left"; }

    template <class Datagram>
    void receive(const Datagram& d) {
        std::string bytes;
        write_chat(bytes, d);
        member.receive(now, std::as_bytes(std::span(bytes)));
    }

    /// The next one that was sent.
    template <class Request>
    Request next() {
        if (sent.empty())
            throw std::logic_error("nothing was sent");
        last = sent.front();
        sent.pop_front();
        return std::get<Request>(read_chat_request(std::as_bytes(std::span(last))).value());
    }

    std::string event() {
        if (events.empty())
            return "";
        const std::string e = events.front();
        events.pop_front();
        return e;
    }

    /// Time passes, and the member is called when it wants to be.
    void pass(std::chrono::nanoseconds t) {
        const chat_time end = now + t;
        while (member.due() <= end) {
            now = std::max(now, member.due());
            member.tick(now);
        }
        now = end;
    }

    void welcome(std::uint64_t token, std::uint64_t room = 77) {
        const auto join = next<chat_join>();
        receive(chat_welcome{
            .attempt = join.attempt,
            .token = token,
            .room = room,
            .member = 40 + token,
            .heartbeat_ms = 5000,
            .members = 2,
            .longest_text = 1200
        });
        sent.clear();
    }

    void be_in_tea() {
        member.join(now, "tea");
        welcome(1);
        events.clear();
    }

    void welcome_again() {
        while (sent.size() > 1)
            sent.pop_front();
        welcome(2);
        EXPECT_EQ(event(), "again in tea");
    }

    void hear(std::uint64_t sequence, std::uint64_t from = 9, std::uint64_t room = 77) {
        receive(chat_delivery{room, from, sequence, "Bo", std::to_string(sequence)});
    }

    chat_time now{1000s};
    std::deque<std::string> sent, events;
    std::string last;
    chat_member member{{.name = "Ann", .client = 0xabcd}, *this};
};

TEST_F(chat_member_test, joins_with_the_cookie_that_it_is_given) {
    member.join(now, "tea");
    const auto first = next<chat_join>();
    EXPECT_EQ(first.attempt >> 32, 0xabcdU);
    EXPECT_EQ(first.cookie, chat_cookie());
    EXPECT_EQ(first.room, "tea");
    EXPECT_EQ(first.name, "Ann");
    const chat_challenge challenge{.attempt = first.attempt, .cookie = {std::byte{7}}};
    receive(challenge);
    const auto second = next<chat_join>();
    EXPECT_EQ(second.attempt, challenge.attempt);
    EXPECT_EQ(second.cookie, challenge.cookie);
    EXPECT_FALSE(member.joined());
    receive(chat_welcome{
        .attempt = challenge.attempt,
        .token = 1,
        .room = 2,
        .member = 3,
        .heartbeat_ms = 5000,
        .members = 4,
        .longest_text = 1200
    });
    EXPECT_EQ(event(), "joined tea");
    EXPECT_TRUE(member.joined());
    EXPECT_EQ(member.room(), "tea");
    EXPECT_EQ(member.id(), 3U);
    EXPECT_EQ(member.members(), 4U);
}

TEST_F(chat_member_test, ignores_what_is_not_for_its_join) {
    member.join(now, "tea");
    const auto join = next<chat_join>();
    receive(chat_challenge{.attempt = join.attempt + 1, .cookie = {std::byte{7}}});
    receive(chat_welcome{.attempt = join.attempt + 1, .token = 1});
    receive(chat_refused{chat_refusal::name_taken, join.attempt + 1});
    EXPECT_TRUE(sent.empty());
    EXPECT_TRUE(events.empty());
    EXPECT_TRUE(member.joining());
}

TEST_F(chat_member_test, repeats_its_join_less_and_less_often) {
    member.join(now, "tea");
    pass(30s);
    // 0.25, 0.5, 1, 2, 4, 4, 4 ... seconds, or up to a quarter less.
    EXPECT_GE(sent.size(), 10U);
    EXPECT_LE(sent.size(), 14U);
    const auto first = next<chat_join>().attempt;
    while (!sent.empty())
        EXPECT_EQ(next<chat_join>().attempt, first);
}

TEST_F(chat_member_test, answers_but_a_few_challenges_at_once) {
    member.join(now, "tea");
    const auto attempt = next<chat_join>().attempt;
    for (int i = 1; i < 100; ++i)
        receive(chat_challenge{.attempt = attempt, .cookie = {std::byte(i)}});
    EXPECT_EQ(sent.size(), 3U);
    pass(10s);
    sent.clear();
    receive(chat_challenge{.attempt = attempt, .cookie = {std::byte{200}}});
    EXPECT_EQ(sent.size(), 1U);
}

TEST_F(chat_member_test, a_first_join_that_is_refused_is_over) {
    member.join(now, "tea");
    receive(chat_refused{chat_refusal::name_taken, next<chat_join>().attempt});
    EXPECT_EQ(event(), "refused: the name is taken");
    EXPECT_FALSE(member.joining());
    EXPECT_EQ(member.due(), chat_time::max());
}

TEST_F(chat_member_test, refuses_names_that_no_server_would_take) {
    member.join(now, std::string(300, 'x'));
    EXPECT_EQ(event().substr(0, 18), "refused: the room'");
    EXPECT_TRUE(sent.empty());
    EXPECT_FALSE(member.joining());
}

TEST_F(chat_member_test, numbers_what_it_says) {
    EXPECT_FALSE(member.say("too early"));
    be_in_tea();
    EXPECT_TRUE(member.say("a"));
    EXPECT_TRUE(member.say(""));
    EXPECT_FALSE(member.say(std::string(1201, 'x')));
    EXPECT_TRUE(member.say(std::string(1200, 'x')));
    for (std::uint64_t i = 1; i <= 3; ++i) {
        const auto message = next<chat_message>();
        EXPECT_EQ(message.token, 1U);
        EXPECT_EQ(message.sequence, i);
    }
    EXPECT_TRUE(sent.empty());
}

TEST_F(chat_member_test, tells_loss_reordering_and_duplicates_of_each_sender) {
    be_in_tea();
    hear(5);  // what was before, was not for us
    hear(6);
    hear(9);
    hear(8);
    hear(8);
    hear(9);
    hear(20, 10);
    hear(10);
    EXPECT_EQ(
        events,
        (std::deque<std::string>{
            "Bo: 5", "Bo: 6", "Bo: 9 (missed 2)", "Bo: 8 (late) (found)", "Bo: 20", "Bo: 10"
        })
    );
    EXPECT_EQ(member.statistics().heard, 6U);
    EXPECT_EQ(member.statistics().lost, 1U);
    EXPECT_EQ(member.statistics().late, 1U);
    EXPECT_EQ(member.statistics().duplicates, 2U);
}

TEST_F(chat_member_test, what_is_late_from_before_the_first_was_not_missed) {
    be_in_tea();
    hear(3);
    hear(5);
    hear(2);
    hear(4);
    const std::deque<std::string> all{
        "Bo: 3", "Bo: 5 (missed 1)", "Bo: 2 (late)", "Bo: 4 (late) (found)"
    };
    EXPECT_EQ(events, all);
    EXPECT_EQ(member.statistics().lost, 0U);
}

TEST_F(chat_member_test, misses_but_so_many_at_once) {
    be_in_tea();
    hear(1);
    hear(std::uint64_t{1} << 63);
    event();
    EXPECT_EQ(event(), "Bo: 9223372036854775808 (missed 1000000)");
    EXPECT_EQ(member.statistics().lost, 1'000'000U);
}

TEST_F(chat_member_test, knows_its_own) {
    be_in_tea();
    receive(chat_delivery{77, member.id(), 1, "Ann", "hi"});
    EXPECT_EQ(event(), "Ann: hi (own)");
}

TEST_F(chat_member_test, misses_the_first_of_its_own) {
    be_in_tea();
    receive(chat_delivery{77, member.id(), 3, "Ann", "hi"});
    receive(chat_delivery{77, member.id(), 1, "Ann", "one"});
    EXPECT_EQ(event(), "Ann: hi (own) (missed 2)");
    EXPECT_EQ(event(), "Ann: one (own) (late) (found)");
    EXPECT_EQ(member.statistics().lost, 1U);
}

TEST_F(chat_member_test, misses_the_first_of_those_whom_it_saw_come) {
    be_in_tea();
    const chat_notice came{77, 9, chat_notice::what::joined, "Bo"};
    receive(came);
    hear(2);
    receive(came);  // once more
    hear(4);
    const std::deque<std::string> all{
        "Bo joined", "Bo: 2 (missed 1)", "Bo joined", "Bo: 4 (missed 1)"
    };
    EXPECT_EQ(events, all);
    member.join(now, "coffee");
    welcome(2, 78);
    member.join(now, "tea");
    welcome(3, 77);
    events.clear();
    receive(came);  // from the earlier stay
    hear(50);
    EXPECT_EQ(events, (std::deque<std::string>{"Bo joined", "Bo: 50"}));
}

TEST_F(chat_member_test, hears_nothing_of_other_rooms) {
    be_in_tea();
    hear(1, 9, 78);
    receive(chat_notice{78, 1, chat_notice::what::joined, "Cy"});
    EXPECT_TRUE(events.empty());
    EXPECT_EQ(member.statistics().strays, 2U);
    receive(chat_notice{77, 1, chat_notice::what::joined, "Cy"});
    receive(chat_notice{77, 1, chat_notice::what::left, "Cy"});
    EXPECT_EQ(event(), "Cy joined");
    EXPECT_EQ(event(), "Cy left");
}

TEST_F(chat_member_test, does_not_count_as_lost_what_was_said_while_it_was_elsewhere) {
    be_in_tea();
    hear(1);
    member.join(now, "coffee");
    welcome(2, 78);
    member.join(now, "tea");
    welcome(3, 77);
    events.clear();
    hear(1);  // a duplicate that was long under way
    hear(50);
    hear(52);
    EXPECT_EQ(events, (std::deque<std::string>{"Bo: 50", "Bo: 52 (missed 1)"}));
    EXPECT_EQ(member.statistics().lost, 1U);
}

TEST_F(chat_member_test, sends_heartbeats_and_repeats_those_without_an_answer) {
    be_in_tea();
    pass(5s);
    const auto first = next<chat_heartbeat>();
    EXPECT_EQ(first.token, 1U);
    sent.clear();
    now += 10ms;
    receive(chat_alive{.token = 1, .number = 1, .members = 3, .dropped = 0});
    EXPECT_EQ(member.members(), 3U);
    pass(4s);
    const std::size_t before = sent.size();
    pass(5s);
    EXPECT_LE(before, 1U);
    EXPECT_GE(sent.size(), 4U);
    EXPECT_TRUE(member.joined());
}

TEST_F(chat_member_test, joins_again_after_three_heartbeats_without_an_answer) {
    be_in_tea();
    pass(14s);
    EXPECT_TRUE(member.joined());
    pass(3s);
    EXPECT_EQ(event(), "silence");
    EXPECT_FALSE(member.joined());
    EXPECT_TRUE(member.joining());
    welcome_again();
}

TEST_F(chat_member_test, who_slept_reads_first_what_came) {
    for (const auto before : {0ms, 5000ms, 6300ms, 14'900ms}) {
        sent.clear();
        be_in_tea();
        pass(before);
        sent.clear();
        now += 1h;  // and nothing was read
        member.tick(now);
        EXPECT_TRUE(member.joined()) << before.count();
        const auto number = next<chat_heartbeat>().number;
        receive(chat_alive{.token = 1, .number = number, .members = 2});
        pass(14s);
        EXPECT_TRUE(member.joined()) << before.count();
        EXPECT_TRUE(events.empty());
    }
}

TEST_F(chat_member_test, who_slept_and_has_no_answer_joins_again) {
    be_in_tea();
    now += 1h;
    pass(11s);
    EXPECT_EQ(event(), "silence");
    welcome_again();
    pass(14'900ms);
    now += 4s;
    pass(0s);
    EXPECT_TRUE(member.joined());
    now += 4s;  // late once more
    pass(0s);
    EXPECT_EQ(event(), "silence");
}

TEST_F(chat_member_test, joins_again_when_it_was_forgotten) {
    be_in_tea();
    receive(chat_refused{chat_refusal::unknown_member, 999});  // somebody's guess
    EXPECT_TRUE(member.joined());
    receive(chat_refused{chat_refusal::unknown_member, 1});
    EXPECT_EQ(event(), "forgotten");
    const auto attempt = next<chat_join>().attempt;
    receive(chat_refused{chat_refusal::name_taken, attempt});  // by what it was before
    receive(chat_refused{chat_refusal::name_taken, attempt});
    EXPECT_EQ(event(), "refused: the name is taken");
    EXPECT_EQ(event(), "");
    EXPECT_TRUE(member.joining());
    pass(10s);
    welcome(2);
    EXPECT_EQ(event(), "again in tea");
}

TEST_F(chat_member_test, joins_again_when_the_server_ends) {
    be_in_tea();
    receive(chat_refused{chat_refusal::ending, 1});
    EXPECT_EQ(event(), "end");
    EXPECT_TRUE(member.joining());
    pass(150ms);
    EXPECT_TRUE(sent.empty());  // what still answers ends next
    pass(100ms);
    EXPECT_EQ(sent.size(), 1U);
    welcome_again();
}

TEST_F(chat_member_test, stays_where_it_is_until_it_has_moved) {
    be_in_tea();
    member.join(now, "coffee");
    EXPECT_EQ(member.room(), "tea");
    EXPECT_FALSE(member.say("where?"));
    hear(1);
    EXPECT_EQ(event(), "Bo: 1");
    // It has moved already, and only the welcome was lost.
    receive(chat_refused{chat_refusal::unknown_member, 1});
    EXPECT_TRUE(events.empty());
    const auto attempt = next<chat_join>().attempt;
    receive(chat_refused{chat_refusal::room_full, attempt});
    EXPECT_EQ(event(), "refused: the room is full");
    EXPECT_EQ(member.room(), "tea");
    EXPECT_TRUE(member.say("here"));
}

TEST_F(chat_member_test, leaves_and_repeats_that) {
    be_in_tea();
    member.leave(now);
    EXPECT_FALSE(member.joined());
    EXPECT_EQ(next<chat_leave>().token, 1U);
    pass(300ms);
    EXPECT_EQ(next<chat_leave>().token, 1U);
    receive(chat_left{2});
    EXPECT_TRUE(member.leaving());
    receive(chat_left{1});
    EXPECT_EQ(event(), "left");
    EXPECT_EQ(member.due(), chat_time::max());
}

TEST_F(chat_member_test, gives_up_leaving_when_nobody_answers) {
    be_in_tea();
    member.leave(now);
    pass(5s);
    EXPECT_EQ(event(), "left");
    EXPECT_EQ(sent.size(), 4U);
}

TEST_F(chat_member_test, leaves_what_a_late_join_made_it) {
    member.join(now, "tea");
    const auto attempt = next<chat_join>().attempt;
    member.leave(now);
    EXPECT_EQ(event(), "left");
    receive(chat_welcome{.attempt = attempt, .token = 5});
    EXPECT_EQ(next<chat_leave>().token, 5U);
    receive(chat_welcome{.attempt = 17, .token = 6});  // another client's
    EXPECT_TRUE(sent.empty());
    EXPECT_TRUE(events.empty());
}

TEST_F(chat_member_test, tells_what_the_server_dropped_or_refused) {
    be_in_tea();
    pass(5s);
    receive(chat_alive{.token = 1, .number = 1, .members = 2, .dropped = 4});
    receive(chat_alive{.token = 1, .number = 1, .members = 2, .dropped = 9});  // answered
    EXPECT_EQ(event(), "dropped 4");
    EXPECT_EQ(event(), "");
    receive(chat_refused{chat_refusal::too_long, 1});
    EXPECT_EQ(event(), "too long");
    EXPECT_TRUE(member.ask_names());
    receive(chat_names{.token = 1, .number = 0, .members = 12});
    EXPECT_EQ(event(), "12 members");
}

TEST_F(chat_member_test, keeps_so_many_senders_in_mind_and_no_more) {
    be_in_tea();
    for (std::uint64_t id = 1; id <= 10'001; ++id)
        hear(7, id);
    EXPECT_EQ(events.size(), 10'001U);
    hear(7, 10'001);
    EXPECT_EQ(member.statistics().duplicates, 1U);
}

TEST_F(chat_member_test, survives_what_is_no_datagram) {
    be_in_tea();
    const std::string garbage = "\xff\x01\x84 and so on";
    member.receive(now, std::as_bytes(std::span(garbage)));
    member.receive(now, {});
    EXPECT_EQ(member.statistics().strays, 2U);
}

}  // namespace
}  // namespace coserve
