#include "src/chat_state.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

namespace coserve {
namespace {

using namespace std::chrono_literals;
using what = chat_notice::what;

const endpoint far_one = endpoint::ip("192.0.2.1", 4000);
const endpoint far_two = endpoint::ip("2001:db8::2", 4000);
const endpoint near_one = endpoint::ip("127.0.0.1", 5001);
const endpoint near_two = endpoint::ip("127.0.0.1", 5002);
const endpoint plain_one = endpoint::ip("127.0.0.1", 6001);
const endpoint plain_two = endpoint::ip("127.0.0.1", 6002);

template <class Datagram>
std::string written(const Datagram& d) {
    std::string out;
    write_chat(out, d);
    return out;
}

/// What was sent, in order.
struct sent_datagram {
    endpoint to;
    std::string bytes;
    endpoint from;
};

/// Cores whose posts the others hear when they are told to.
class chat_state_test : public ::testing::Test {
protected:
    struct core final : chat_state::output, room_bus {
        core(chat_state_test& t) : test(t), state(t.rules, t.directory, t.cookies, *this, *this) {}

        void send(const chat_path& to, frame_view f) override {
            test.sent.push_back({to.peer, std::string(f.text()), to.local});
        }

        void send(std::span<const endpoint> to, const endpoint& local, frame_view f) override {
            for (const endpoint& e : to)
                send({e, local}, f);
        }

        void publish(std::shared_ptr<const chat_post> p) override {
            ++test.posts;
            for (const auto& c : test.cores)
                if (c.get() != this)
                    c->state.hear(*p);
        }

        chat_state_test& test;
        chat_state state;
    };

    /// After the rules were changed.
    void start(std::size_t count = 1) {
        for (std::size_t i = 0; i < count; ++i)
            cores.push_back(std::make_unique<core>(*this));
    }

    void SetUp() override {}

    chat_state& on(std::size_t i) { return cores.at(i)->state; }

    void give(const endpoint& from, std::string_view bytes, std::size_t to = 0) {
        on(to).receive(now, {from, server}, std::as_bytes(std::span(bytes)));
    }

    template <class Datagram>
        requires requires(std::string s, Datagram d) { write_chat(s, d); }
    void give(const endpoint& from, const Datagram& d, std::size_t to = 0) {
        give(from, written(d), to);
    }

    /// All that was sent to this address since it was asked last.
    std::vector<std::string> taken(const endpoint& e) {
        std::vector<std::string> found, rest;
        std::vector<sent_datagram> others;
        for (sent_datagram& s : sent)
            if (s.to == e)
                found.push_back(std::move(s.bytes));
            else
                others.push_back(std::move(s));
        sent = std::move(others);
        return found;
    }

    /// The only one.
    template <class Reply>
    Reply one(const endpoint& e) {
        kept = taken(e);
        if (kept.size() != 1)
            throw std::logic_error(std::to_string(kept.size()) + " datagrams, not one");
        return std::get<Reply>(read_chat_reply(std::as_bytes(std::span(kept[0]))).value());
    }

    chat_join join(std::uint64_t attempt, std::string_view room, std::string_view name) {
        return {.attempt = attempt, .cookie = {}, .room = room, .name = name};
    }

    /// A member who has got its welcome, and nobody has anything to read.
    chat_welcome
    enter(const endpoint& e, std::string_view room, std::string_view name, std::size_t where = 0) {
        chat_join j = join(++attempts, room, name);
        if (!e.is_loopback())
            j.cookie = cookies.make(e, now);
        give(e, j, where);
        const auto w = one<chat_welcome>(e);
        sent.clear();
        return w;
    }

    void
    say(const endpoint& e,
        const chat_welcome& w,
        std::uint64_t sequence,
        std::string_view text,
        std::size_t where = 0) {
        give(e, chat_message{w.token, sequence, text}, where);
    }

    chat_time now{10'000s};
    endpoint server = endpoint::ip("192.0.2.100", 7703);  // where what is given comes to
    chat_rules rules;
    std::uint64_t numbers = 0;
    chat_directory directory{rules, [this] { return numbers += 1000; }};
    chat_cookies cookies{chat_cookies::secret{std::byte{1}}};
    std::vector<std::unique_ptr<core>> cores;
    std::vector<sent_datagram> sent;
    std::vector<std::string> kept;
    std::uint64_t attempts = 0;
    std::size_t posts = 0;
};

// ---- joining

TEST_F(chat_state_test, a_neighbour_joins_at_once) {
    start();
    give(near_one, join(5, "tea", "Ann"));
    const auto w = one<chat_welcome>(near_one);
    EXPECT_EQ(w.attempt, 5U);
    EXPECT_EQ(w.members, 1U);
    EXPECT_EQ(w.heartbeat_ms, 5000U);
    EXPECT_EQ(w.longest_text, longest_near_chat_text);
    EXPECT_EQ(on(0).find(near_one)->name(), "Ann");
    EXPECT_EQ(directory.members(), 1U);
}

TEST_F(chat_state_test, others_join_with_a_cookie_and_nothing_is_kept_before) {
    start();
    give(far_one, join(5, "tea", "Ann"));
    const auto challenge = one<chat_challenge>(far_one);
    EXPECT_EQ(challenge.attempt, 5U);
    EXPECT_EQ(on(0).members(), 0U);
    EXPECT_EQ(directory.rooms(), 0U);
    chat_join with = join(5, "tea", "Ann");
    with.cookie = challenge.cookie;
    give(far_two, with);
    EXPECT_NE(one<chat_challenge>(far_two).cookie, challenge.cookie);
    give(far_one, with);
    EXPECT_EQ(one<chat_welcome>(far_one).longest_text, 1200U);
}

TEST_F(chat_state_test, a_cookie_is_good_for_half_a_minute_at_least_and_a_minute_at_most) {
    const chat_cookie c = cookies.make(far_one, now);
    EXPECT_TRUE(cookies.is_good(c, far_one, now));
    EXPECT_TRUE(cookies.is_good(c, far_one, now + 30s));
    EXPECT_FALSE(cookies.is_good(c, far_one, now + 60s));
    EXPECT_FALSE(cookies.is_good(c, far_one.with_port(4001), now));
    EXPECT_FALSE(cookies.is_good(c, far_two, now));
    EXPECT_FALSE(cookies.is_good(chat_cookie(), far_one, now));
    EXPECT_FALSE(chat_cookies().is_good(c, far_one, now));
    EXPECT_NE(chat_cookies().make(far_one, now), chat_cookies().make(far_one, now));
}

TEST_F(chat_state_test, a_join_that_comes_twice_gets_the_same_welcome) {
    start();
    const auto w = enter(near_one, "tea", "Ann");
    give(near_one, join(w.attempt, "tea", "Ann"));
    const auto again = one<chat_welcome>(near_one);
    EXPECT_EQ(again.token, w.token);
    EXPECT_EQ(again.member, w.member);
    EXPECT_EQ(directory.members(), 1U);
}

TEST_F(chat_state_test, a_join_that_a_later_one_overtook_changes_nothing) {
    start();
    enter(near_one, "tea", "Ann");
    const auto w = enter(near_one, "coffee", "Ann");
    give(near_one, join(w.attempt - 1, "tea", "Ann"));
    EXPECT_TRUE(taken(near_one).empty());
    EXPECT_EQ(on(0).find(near_one)->room()->name(), "coffee");
    EXPECT_EQ(on(0).counts().old_joins, 1U);
}

TEST_F(chat_state_test, another_client_at_the_address_takes_its_place) {
    start();
    const auto w = enter(near_one, "tea", "Ann");
    give(near_one, join(std::uint64_t{7} << 32, "tea", "Ann"));
    EXPECT_NE(one<chat_welcome>(near_one).token, w.token);
    EXPECT_EQ(directory.members(), 1U);
}

TEST_F(chat_state_test, who_moves_is_in_one_room_at_a_time) {
    start();
    enter(near_two, "tea", "Bo");
    const auto w = enter(near_one, "tea", "Ann");
    give(near_one, join(++attempts, "coffee", "Ann"));
    EXPECT_NE(one<chat_welcome>(near_one).room, w.room);
    const auto notice = one<chat_notice>(near_two);
    EXPECT_EQ(notice.happened, what::left);
    EXPECT_EQ(notice.member, w.member);
    say(near_one, w, 1, "with the old token");
    EXPECT_EQ(one<chat_refused>(near_one).reason, chat_refusal::unknown_member);
    EXPECT_TRUE(taken(near_two).empty());
    EXPECT_EQ(directory.rooms(), 2U);
}

TEST_F(chat_state_test, who_cannot_move_stays) {
    start();
    enter(near_two, "coffee", "Ann");
    const auto w = enter(near_one, "tea", "Ann");
    give(near_one, join(++attempts, "coffee", "Ann"));
    EXPECT_EQ(one<chat_refused>(near_one).reason, chat_refusal::name_taken);
    say(near_one, w, 1, "still here");
    EXPECT_EQ(one<chat_delivery>(near_one).text, "still here");
    EXPECT_EQ(directory.members(), 2U);
    EXPECT_EQ(directory.rooms(), 2U);
}

TEST_F(chat_state_test, refuses_names_that_are_none) {
    start();
    give(near_one, join(1, "tea", "a\nb"));
    EXPECT_EQ(one<chat_refused>(near_one).reason, chat_refusal::bad_name);
    give(near_one, join(2, "", "Ann"));
    const auto r = one<chat_refused>(near_one);
    EXPECT_EQ(r.reason, chat_refusal::bad_room);
    EXPECT_EQ(r.about, 2U);
    EXPECT_EQ(on(0).members(), 0U);
}

// ---- messages

TEST_F(chat_state_test, everybody_in_the_room_hears_it_once_on_whichever_core) {
    start(3);
    const auto w = enter(far_one, "tea", "Ann", 0);
    enter(near_one, "tea", "Bo", 1);
    enter(far_two, "tea", "Cy", 2);
    enter(near_two, "coffee", "Di", 1);
    sent.clear();
    posts = 0;
    say(far_one, w, 7, "hello");
    EXPECT_EQ(posts, 1U);
    for (const endpoint& e : {far_one, near_one, far_two}) {
        const auto d = one<chat_delivery>(e);
        EXPECT_EQ(d.room, w.room);
        EXPECT_EQ(d.member, w.member);
        EXPECT_EQ(d.sequence, 7U);
        EXPECT_EQ(d.name, "Ann");
        EXPECT_EQ(d.text, "hello");
    }
    EXPECT_TRUE(sent.empty());
}

TEST_F(chat_state_test, nothing_is_posted_where_nobody_could_hear_it) {
    start(2);
    const auto w = enter(near_one, "tea", "Ann", 0);
    enter(near_two, "coffee", "Bo", 1);
    posts = 0;
    say(near_one, w, 1, "hello");
    EXPECT_EQ(posts, 0U);
}

TEST_F(chat_state_test, without_echo_all_others_hear_it) {
    rules.echo = false;
    start();
    enter(near_two, "tea", "Bo");
    const auto w = enter(near_one, "tea", "Ann");
    const endpoint third = near_one.with_port(5003);
    enter(third, "tea", "Cy");
    say(near_one, w, 1, "hello");
    EXPECT_TRUE(taken(near_one).empty());
    EXPECT_EQ(one<chat_delivery>(near_two).text, "hello");
    EXPECT_EQ(one<chat_delivery>(third).text, "hello");
}

TEST_F(chat_state_test, a_message_that_comes_twice_is_said_once) {
    start();
    const auto w = enter(near_one, "tea", "Ann");
    for (const std::uint64_t n : {1, 2, 2, 1, 3})
        say(near_one, w, n, "hello");
    EXPECT_EQ(taken(near_one).size(), 3U);
    EXPECT_EQ(on(0).counts().duplicates, 2U);
}

TEST_F(chat_state_test, who_is_no_member_is_told_so_and_no_more) {
    start();
    give(far_one, chat_message{17, 1, "hello"});
    const auto r = one<chat_refused>(far_one);
    EXPECT_EQ(r.reason, chat_refusal::unknown_member);
    EXPECT_EQ(r.about, 17U);
    give(far_one, chat_heartbeat{18, 1});
    EXPECT_EQ(one<chat_refused>(far_one).about, 18U);
    give(far_one, chat_who{19, 1});
    EXPECT_EQ(one<chat_refused>(far_one).about, 19U);
    give(far_one, chat_leave{20});
    EXPECT_EQ(one<chat_left>(far_one).token, 20U);
}

TEST_F(chat_state_test, a_pretended_address_is_no_token) {
    start();
    const auto w = enter(far_one, "tea", "Ann");
    give(far_one, chat_leave{w.token + 1});
    give(far_one, chat_message{w.token + 1, 1, "not me"});
    give(far_one, join(std::uint64_t{9} << 32, "coffee", "Eve"));
    for (const std::string& bytes : taken(far_one))
        EXPECT_FALSE(std::holds_alternative<chat_delivery>(
            read_chat_reply(std::as_bytes(std::span(bytes))).value()
        ));
    EXPECT_EQ(on(0).find(far_one)->room()->name(), "tea");
    EXPECT_EQ(on(0).find(far_one)->token(), w.token);
}

TEST_F(chat_state_test, texts_have_a_longest_size) {
    start();
    const auto far = enter(far_one, "tea", "Ann");
    const auto near = enter(near_one, "tea", "Bo");
    sent.clear();
    say(far_one, far, 1, std::string(1200, 'x'));
    EXPECT_EQ(one<chat_delivery>(near_one).text.size(), 1200U);
    EXPECT_EQ(one<chat_delivery>(far_one).text.size(), 1200U);
    say(far_one, far, 2, std::string(1201, 'x'));
    EXPECT_EQ(one<chat_refused>(far_one).reason, chat_refusal::too_long);
    EXPECT_TRUE(sent.empty());
    say(near_one, near, 1, std::string(1201, 'x'));
    EXPECT_EQ(one<chat_delivery>(near_one).text.size(), 1201U);
    EXPECT_TRUE(sent.empty());
    EXPECT_EQ(on(0).counts().too_long, 1U);
    say(near_one, near, 2, std::string(longest_near_chat_text, 'x'));
    EXPECT_EQ(one<chat_delivery>(near_one).text.size(), longest_near_chat_text);
    say(near_one, near, 3, std::string(longest_near_chat_text + 1, 'x'));
    EXPECT_EQ(one<chat_refused>(near_one).reason, chat_refusal::too_long);
}

// ---- notices, names, heartbeats

TEST_F(chat_state_test, others_are_told_who_comes_and_goes) {
    start(2);
    enter(near_one, "tea", "Ann", 0);
    give(near_two, join(99, "tea", "Bo"), 1);
    const auto came = one<chat_notice>(near_one);
    EXPECT_EQ(came.happened, what::joined);
    EXPECT_EQ(came.name, "Bo");
    const auto w = one<chat_welcome>(near_two);
    give(near_two, chat_leave{w.token}, 1);
    EXPECT_EQ(one<chat_left>(near_two).token, w.token);
    const auto went = one<chat_notice>(near_one);
    EXPECT_EQ(went.happened, what::left);
    EXPECT_EQ(went.member, came.member);
    EXPECT_TRUE(sent.empty());
}

TEST_F(chat_state_test, in_large_rooms_nobody_is_told) {
    start();
    for (int i = 0; i < 64; ++i)
        enter(near_one.with_port(static_cast<std::uint16_t>(7000 + i)), "tea", std::to_string(i));
    give(near_one, join(1000, "tea", "one too many"));
    EXPECT_EQ(sent.size(), 1U);
}

TEST_F(chat_state_test, names_are_told_in_order_and_as_many_as_fit) {
    start(2);
    const auto w = enter(far_one, "tea", "Cy", 0);
    enter(near_one, "tea", "Ann", 1);
    enter(near_two, "tea", "Bo", 1);
    sent.clear();
    give(far_one, chat_who{w.token, 3});
    const auto n = one<chat_names>(far_one);
    EXPECT_EQ(n.members, 3U);
    EXPECT_EQ(n.number, 3U);
    EXPECT_EQ(
        n.names,
        std::string_view("\x03"
                         "Ann\x02"
                         "Bo\x02"
                         "Cy")
    );
    for (int i = 0; i < 60; ++i)
        enter(
            near_one.with_port(static_cast<std::uint16_t>(7000 + i)),
            "tea",
            std::string(62, 'n') + std::to_string(10 + i)
        );
    give(far_one, chat_who{w.token, 4});
    EXPECT_EQ(one<chat_names>(far_one).members, 63U);
    EXPECT_LE(kept[0].size(), 1300U);
}

TEST_F(chat_state_test, members_who_miss_three_heartbeats_are_dropped) {
    start();
    const auto w = enter(near_one, "tea", "Ann");
    enter(near_two, "tea", "Bo");
    sent.clear();
    now += 10s;
    give(near_one, chat_heartbeat{w.token, 4});
    const auto alive = one<chat_alive>(near_one);
    EXPECT_EQ(alive.number, 4U);
    EXPECT_EQ(alive.members, 2U);
    now += 4999ms;
    on(0).tick(now);
    EXPECT_EQ(on(0).members(), 2U);
    now += 1ms;
    on(0).tick(now);
    EXPECT_EQ(on(0).members(), 1U);
    EXPECT_EQ(one<chat_notice>(near_one).name, "Bo");
    EXPECT_EQ(on(0).counts().silent, 1U);
    now += 10s;
    on(0).tick(now);
    EXPECT_EQ(on(0).members(), 0U);
    EXPECT_EQ(on(0).rooms(), 0U);
    EXPECT_EQ(directory.rooms(), 0U);
}

TEST_F(chat_state_test, a_neighbour_whose_port_is_closed_has_left) {
    start();
    enter(near_one, "tea", "Ann");
    enter(far_one, "tea", "Bo");
    on(0).unreachable(now, near_one);
    on(0).unreachable(now, far_one);
    on(0).unreachable(now, far_two);
    EXPECT_EQ(on(0).find(near_one), nullptr);
    EXPECT_NE(on(0).find(far_one), nullptr);
}

TEST_F(chat_state_test, each_is_told_from_the_address_that_it_joined_at) {
    start(2);
    const endpoint first = server, second = endpoint::ip("192.0.2.200", 7703);
    const auto ann = enter(near_one, "tea", "Ann", 0);
    server = second;
    enter(near_two, "tea", "Bob", 0);
    enter(far_one, "tea", "Cid", 1);
    say(near_one, ann, 1, "hello");
    ASSERT_EQ(sent.size(), 3U);
    for (const sent_datagram& s : sent)
        EXPECT_EQ(s.from, s.to == near_one ? first : second);
    sent.clear();
    give(near_one, chat_heartbeat{ann.token, 1});
    EXPECT_EQ(sent.at(0).from, second);  // as it was asked
    sent.clear();
    on(0).unreachable(now, near_two);
    sent.clear();
    say(near_one, ann, 2, "still there");
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_EQ(sent.at(0).from, first);
}

TEST_F(chat_state_test, members_are_told_that_the_server_ends) {
    start();
    const auto w = enter(far_one, "tea", "Ann");
    give(plain_one, "hello");
    sent.clear();
    on(0).end();
    const auto r = one<chat_refused>(far_one);
    EXPECT_EQ(r.reason, chat_refusal::ending);
    EXPECT_EQ(r.about, w.token);
    EXPECT_TRUE(sent.empty());
    EXPECT_EQ(directory.members(), 0U);
}

TEST_F(chat_state_test, once_a_core_has_ended_nobody_joins_on_any) {
    start(2);
    enter(near_one, "tea", "Ann", 0);
    const auto w = enter(far_two, "tea", "Di", 1);
    sent.clear();
    on(0).end();
    taken(near_one);
    chat_join with_cookie = join(8, "tea", "Cy");
    with_cookie.cookie = cookies.make(far_one, now);
    for (const std::size_t where : {0U, 1U}) {
        give(near_two, join(7, "tea", "Di"), where);
        const auto near = one<chat_refused>(near_two);
        EXPECT_EQ(near.reason, chat_refusal::ending);
        EXPECT_EQ(near.about, 7U);
        give(far_one, with_cookie, where);
        EXPECT_EQ(one<chat_refused>(far_one).reason, chat_refusal::ending);
        give(plain_one, "hello", where);
        EXPECT_TRUE(sent.empty());
    }
    // Who is one still speaks, until its own core ends.
    say(far_two, w, 1, "hello", 1);
    EXPECT_EQ(one<chat_delivery>(far_two).text, "hello");
    EXPECT_EQ(directory.members(), 1U);
    on(1).end();
    EXPECT_EQ(one<chat_refused>(far_two).about, w.token);
    EXPECT_EQ(directory.members(), 0U);
}

// ---- plain members

TEST_F(chat_state_test, plain_members_get_each_text_byte_for_byte) {
    start(2);
    give(plain_one, "客户端1的消息hello", 0);
    EXPECT_EQ(taken(plain_one), std::vector<std::string>{"客户端1的消息hello"});
    give(plain_two, "", 1);
    EXPECT_EQ(taken(plain_one), std::vector<std::string>{""});
    EXPECT_EQ(taken(plain_two), std::vector<std::string>{""});
    give(plain_two, "\xc4\xe3\xba\xc3", 1);
    EXPECT_EQ(taken(plain_one), std::vector<std::string>{"\xc4\xe3\xba\xc3"});
    EXPECT_EQ(on(0).find(plain_one)->name(), "客户端1");
    EXPECT_EQ(on(1).find(plain_two)->name(), "127.0.0.1:6002");
    EXPECT_EQ(on(0).find(plain_one)->room()->name(), "lobby");
}

TEST_F(chat_state_test, plain_and_native_members_understand_each_other) {
    start();
    const auto w = enter(near_one, "lobby", "阿宸");
    give(plain_one, "客户端1的消息hello");
    kept = taken(near_one);
    ASSERT_EQ(kept.size(), 2U);
    const auto joined = read_chat_reply(std::as_bytes(std::span(kept[0]))).value();
    EXPECT_EQ(std::get<chat_notice>(joined).name, "客户端1");
    const auto said = read_chat_reply(std::as_bytes(std::span(kept[1]))).value();
    EXPECT_EQ(std::get<chat_delivery>(said).name, "客户端1");
    EXPECT_EQ(std::get<chat_delivery>(said).text, "hello");
    EXPECT_EQ(std::get<chat_delivery>(said).sequence, 1U);
    taken(plain_one);
    say(near_one, w, 1, "hi");
    EXPECT_EQ(taken(plain_one), std::vector<std::string>{"阿宸的消息hi"});
}

TEST_F(chat_state_test, a_plain_member_says_its_name_when_it_likes) {
    start();
    enter(near_one, "lobby", "Ann");
    give(plain_one, "");
    EXPECT_EQ(on(0).find(plain_one)->name(), "127.0.0.1:6001");
    give(plain_one, "Bo的消息hello");
    EXPECT_EQ(on(0).find(plain_one)->name(), "Bo");
    taken(near_one);
    give(plain_one, "Cy的消息hello");  // once
    EXPECT_EQ(on(0).find(plain_one)->name(), "Bo");
    EXPECT_EQ(one<chat_delivery>(near_one).text, "Cy的消息hello");
}

TEST_F(chat_state_test, a_plain_member_whose_name_is_taken_has_its_address) {
    start();
    enter(near_one, "lobby", "Ann");
    enter(near_two, "lobby", "127.0.0.1:6001");
    give(plain_one, "Ann的消息hello");
    EXPECT_EQ(on(0).find(plain_one)->name(), "127.0.0.1:6001~2");
    give(plain_one, "Ann的消息hello");
    EXPECT_EQ(on(0).find(plain_one)->name(), "127.0.0.1:6001~2");
}

TEST_F(chat_state_test, plain_members_are_of_this_machine) {
    start();
    give(far_one, "hello");
    give(far_one, "");
    EXPECT_TRUE(sent.empty());
    EXPECT_EQ(on(0).members(), 0U);
    EXPECT_EQ(on(0).counts().strangers, 2U);
}

TEST_F(chat_state_test, plain_members_leave_after_ten_minutes_of_silence) {
    start();
    give(plain_one, "a");
    give(plain_two, "b");
    now += 5min;
    give(plain_one, "c");
    now += 5min;
    on(0).tick(now);
    EXPECT_NE(on(0).find(plain_one), nullptr);
    EXPECT_EQ(on(0).find(plain_two), nullptr);
}

TEST_F(chat_state_test, the_longest_plain_text_reaches_plain_members_alone) {
    start();
    enter(near_one, "lobby", "Ann");
    enter(far_one, "lobby", "Bo");
    const std::string longest(longest_chat_datagram, 'x');
    give(plain_one, "hello");
    sent.clear();
    give(plain_one, longest);
    EXPECT_EQ(taken(plain_one), std::vector<std::string>{longest});
    EXPECT_TRUE(sent.empty());
    EXPECT_EQ(on(0).counts().too_long, 1U);
}

TEST_F(chat_state_test, a_plain_member_can_become_a_native_one_and_not_back) {
    start();
    give(plain_one, "hello");
    sent.clear();
    enter(plain_one, "lobby", "Ann");
    EXPECT_EQ(directory.members(), 1U);
    EXPECT_EQ(on(0).members(), 1U);
    give(plain_one, "hello again");
    EXPECT_TRUE(sent.empty());
    EXPECT_EQ(on(0).counts().malformed, 1U);
}

// ---- bounds

TEST_F(chat_state_test, a_member_has_so_many_datagrams_a_second) {
    start();
    enter(near_two, "tea", "Bo");
    const auto w = enter(near_one, "tea", "Ann");
    for (std::uint64_t i = 1; i <= 500; ++i)
        say(near_one, w, i, "hello");
    // The join was none of them.
    EXPECT_EQ(taken(near_two).size(), 200U);
    EXPECT_EQ(on(0).counts().over_member_rate, 300U);
    now += 100ms;
    sent.clear();
    give(near_one, chat_heartbeat{w.token, 1});
    EXPECT_EQ(one<chat_alive>(near_one).dropped, 300U);
    for (std::uint64_t i = 501; i <= 600; ++i)
        say(near_one, w, i, "hello");
    EXPECT_EQ(taken(near_two).size(), 19U);
}

TEST_F(chat_state_test, who_moves_takes_along_what_it_spent) {
    start();
    const auto w = enter(near_one, "tea", "Ann");
    for (std::uint64_t i = 1; i <= 199; ++i)
        say(near_one, w, i, "hello");
    sent.clear();
    const auto moved = enter(near_one, "coffee", "Ann");
    say(near_one, moved, 1, "hello");
    EXPECT_TRUE(sent.empty());
}

TEST_F(chat_state_test, who_leaves_and_comes_again_has_no_more_than_who_stays) {
    start();
    enter(near_two, "tea", "Bo");
    for (const endpoint& e : {near_one, far_one}) {
        std::uint64_t attempt = attempts += 1000;
        std::size_t heard = 0;
        for (int i = 0; i < 300; ++i) {
            chat_join j = join(++attempt, "tea", "Ann");
            j.cookie = cookies.make(e, now);
            give(e, j);
            if (const chat_place* const place = on(0).find(e)) {
                give(e, chat_message{place->token(), 1, "hello"});
                give(e, chat_leave{place->token()});
            }
            for (const std::string& bytes : taken(near_two))
                heard += std::holds_alternative<chat_delivery>(
                    read_chat_reply(std::as_bytes(std::span(bytes))).value()
                );
        }
        EXPECT_EQ(heard, 67U) << e.to_string();  // of join, message and leave each
        EXPECT_EQ(on(0).find(e), nullptr);
        sent.clear();
    }
    EXPECT_EQ(on(0).leavers(), 2U);
}

TEST_F(chat_state_test, what_was_spent_is_known_until_the_rate_is_whole_again) {
    start();
    const auto w = enter(near_one, "tea", "Ann");
    for (std::uint64_t i = 1; i <= 200; ++i)
        say(near_one, w, i, "hello");
    give(near_one, chat_leave{w.token});
    sent.clear();
    give(near_one, join(++attempts, "tea", "Ann"));
    EXPECT_TRUE(sent.empty());
    EXPECT_EQ(on(0).counts().over_member_rate, 1U);
    now += 999ms;
    on(0).tick(now);
    EXPECT_EQ(on(0).leavers(), 1U);
    now += 1ms;
    on(0).tick(now);
    EXPECT_EQ(on(0).leavers(), 0U);
    enter(near_one, "tea", "Ann");
}

TEST_F(chat_state_test, a_port_that_was_closed_for_a_moment_is_no_new_one) {
    start();
    const auto w = enter(near_one, "tea", "Ann");
    give(plain_one, "Bo的消息hello");
    for (std::uint64_t i = 1; i <= 300; ++i) {
        say(near_one, w, i, "hello");
        give(plain_one, "Bo的消息hello");
    }
    on(0).unreachable(now, near_one);
    on(0).unreachable(now, plain_one);
    const std::uint64_t before = on(0).counts().messages;
    give(near_one, join(++attempts, "tea", "Ann"));
    give(plain_one, "Bo的消息hello");
    EXPECT_EQ(on(0).find(near_one), nullptr);
    EXPECT_EQ(on(0).counts().messages, before);
}

TEST_F(chat_state_test, so_many_leavers_are_known_and_newcomers_begin_with_nothing_then) {
    start();
    for (std::size_t i = 0; i < chat_leavers::most; ++i) {
        const endpoint e = near_one.with_port(static_cast<std::uint16_t>(10'000 + i));
        give(e, chat_leave{enter(e, "tea", "Ann").token});
    }
    const auto w = enter(near_one, "tea", "Ann");
    say(near_one, w, 1, "too early");
    EXPECT_TRUE(taken(near_one).empty());
    give(near_one, chat_leave{w.token});
    EXPECT_EQ(on(0).leavers(), chat_leavers::most);
    const auto later = enter(near_two, "tea", "Bo");
    now += 5ms;
    say(near_two, later, 1, "hello");
    EXPECT_EQ(one<chat_delivery>(near_two).text, "hello");
}

TEST_F(chat_state_test, without_a_rate_nothing_is_known_of_leavers) {
    rules.member_rate = 0;
    start();
    for (int i = 0; i < 1000; ++i) {
        give(near_one, chat_leave{enter(near_one, "tea", "Ann").token});
        sent.clear();
    }
    EXPECT_EQ(on(0).leavers(), 0U);
}

TEST_F(chat_state_test, a_room_has_so_many_messages_a_second_on_all_cores) {
    rules.room_rate = 10;
    chat_directory small(rules, [this] { return numbers += 1000; });
    const auto place = std::get<chat_place>(small.enter("tea", "Ann", nullptr));
    int admitted = 0;
    for (int i = 0; i < 100; ++i)
        admitted += place.room()->admit(now) ? 1 : 0;
    EXPECT_EQ(admitted, 10);
    EXPECT_FALSE(place.room()->admit(now + 99ms));
    EXPECT_TRUE(place.room()->admit(now + 100ms));
    EXPECT_FALSE(place.room()->admit(now + 100ms));
    admitted = 0;
    for (int i = 0; i < 100; ++i)
        admitted += place.room()->admit(now + 60s) ? 1 : 0;
    EXPECT_EQ(admitted, 10);
}

TEST(chat_directory_test, bounds_rooms_and_members) {
    chat_rules rules;
    rules.max_rooms = 2;
    rules.max_members = 4;
    rules.max_room_members = 2;
    std::uint64_t number = 0;
    chat_directory d(rules, [&] { return ++number; });
    const auto refusal = [&](std::string_view room, std::string_view name, chat_place* old = nullptr
                         ) {
        const auto answer = d.enter(room, name, old);
        const auto* const r = std::get_if<chat_refusal>(&answer);
        return r ? *r : chat_refusal{};
    };
    auto a = std::get<chat_place>(d.enter("tea", "Ann", nullptr));
    auto b = std::make_unique<chat_place>(std::get<chat_place>(d.enter("tea", "Bo", nullptr)));
    EXPECT_EQ(refusal("tea", "Cy"), chat_refusal::room_full);
    auto c = std::get<chat_place>(d.enter("coffee", "Cy", nullptr));
    EXPECT_EQ(refusal("water", "Di"), chat_refusal::too_many_rooms);
    EXPECT_EQ(refusal("water", "Ann", &a), chat_refusal::too_many_rooms);
    EXPECT_EQ(refusal("tea", "Cy", &c), chat_refusal::room_full);
    EXPECT_EQ(refusal("coffee", "Cy"), chat_refusal::name_taken);
    EXPECT_EQ(d.members(), 3U);
    EXPECT_EQ(c.room()->members(), 1U);
    // Alone in the room that it leaves, it makes room for another one.
    EXPECT_EQ(refusal("water", "Cy", &c), chat_refusal{});
    EXPECT_EQ(d.rooms(), 1U);  // nobody kept the new place
    b.reset();
    EXPECT_EQ(a.room()->members(), 1U);
    EXPECT_EQ(d.members(), 1U);
}

TEST(chat_directory_test, other_rooms_do_not_shut_plain_members_out) {
    chat_rules rules;
    rules.max_rooms = 1;
    rules.plain_room = "hall";
    std::uint64_t number = 0;
    chat_directory d(rules, [&] { return ++number; });
    const auto refused = [](const std::variant<chat_place, chat_refusal>& answer) {
        const auto* const r = std::get_if<chat_refusal>(&answer);
        return r && *r == chat_refusal::too_many_rooms;
    };
    const auto tea = d.enter("tea", "Ann", nullptr);
    EXPECT_TRUE(refused(d.enter("coffee", "Bo", nullptr)));
    {
        const auto plain = d.enter_plain("hall", std::nullopt, "127.0.0.1:1");
        ASSERT_TRUE(plain);
        EXPECT_EQ(d.rooms(), 2U);
        EXPECT_TRUE(refused(d.enter("coffee", "Bo", nullptr)));
    }
    EXPECT_FALSE(refused(d.enter("hall", "Bo", nullptr)));
    EXPECT_TRUE(refused(d.enter("lobby", "Bo", nullptr)));
}

// Which of them came first makes no difference.
TEST(chat_directory_test, the_plain_room_takes_no_other_ones_place) {
    chat_rules rules;
    rules.max_rooms = 1;
    std::uint64_t number = 0;
    chat_directory d(rules, [&] { return ++number; });
    const auto plain = d.enter_plain(rules.plain_room, std::nullopt, "127.0.0.1:1");
    const auto tea = d.enter("tea", "Ann", nullptr);
    EXPECT_TRUE(std::holds_alternative<chat_place>(tea));
    EXPECT_EQ(d.rooms(), 2U);
}

TEST(chat_directory_test, gives_no_plain_member_a_place_where_there_is_none) {
    chat_rules rules;
    rules.max_members = 1;
    chat_directory d(rules, [] { return 7; });
    const auto place = d.enter_plain("lobby", std::nullopt, "127.0.0.1:1");
    ASSERT_TRUE(place);
    EXPECT_FALSE(d.enter_plain("lobby", std::nullopt, "127.0.0.1:2"));
}

TEST(chat_directory_test, counts_right_from_many_threads) {
    const chat_rules rules;
    std::atomic<std::uint64_t> number = 0;
    chat_directory d(rules, [&] { return ++number; });
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 2000; ++i) {
                const std::string room = "room" + std::to_string(i % 3);
                auto place = d.enter(room, "name" + std::to_string(t), nullptr);
                auto& p = std::get<chat_place>(place);
                p.room()->admit(chat_time(std::chrono::seconds(i)));
                auto moved = d.enter("other", p.name(), &p);
                EXPECT_EQ(std::get<chat_place>(moved).room()->name(), "other");
            }
        });
    threads.clear();
    EXPECT_EQ(d.members(), 0U);
    EXPECT_EQ(d.rooms(), 0U);
}

TEST_F(chat_state_test, garbage_is_counted_and_nothing_else) {
    start();
    give(far_one, "\xff");
    give(far_one, "\xff\x02\x01");
    give(far_one, std::string("\xff\x01\x01", 3) + std::string(100, 'x'));
    EXPECT_TRUE(sent.empty());
    EXPECT_EQ(on(0).counts().malformed, 3U);
}

}  // namespace
}  // namespace coserve
