#include <coserve/datagram_handler.hpp>
#include <coserve/testing/datagram_session.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace coserve {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using testing::datagram_session;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// What the handlers of a test tell; they run on its thread.
std::vector<std::string> told;

class handler : public datagram_handler {
protected:
    static void tell(const std::string& what) { told.push_back(what); }
};

template <class Handler>
class session : public datagram_session<Handler> {
public:
    explicit session(std::string_view query = {}, std::size_t cores = 1)
        : datagram_session<Handler>((told.clear(), query), cores) {}
};

endpoint peer(std::uint16_t port) {
    return endpoint::ip("127.0.0.1", port);
}

// ---- datagrams in and out

class echo final : public handler {
    void handle(const datagram& d) override {
        if (d.truncated)
            tell("cut to " + std::to_string(d.data.size()));
        reply(d, d.data);
    }
};

TEST(datagram_handler_test, replies_to_each_datagram) {
    session<echo> s;
    s.send(peer(1), "hello");
    s.send(peer(2), "from another");
    s.send(peer(1), "");
    EXPECT_THAT(s.received(peer(1)), ElementsAre("hello", ""));
    EXPECT_THAT(s.received(peer(2)), ElementsAre("from another"));
}

TEST(datagram_handler_test, takes_more_than_a_batch_at_once) {
    session<echo> s;
    s.network().join(peer(1));
    std::vector<std::string> all;
    for (int i = 0; i < 1000; ++i) {
        all.push_back(std::to_string(i));
        s.network().send(peer(1), s.address(), all.back());
    }
    s.settle();
    EXPECT_EQ(s.received(peer(1)), all);
    EXPECT_EQ(s.server().stats().datagrams.received, 1000U);
    EXPECT_EQ(s.server().stats().datagrams.sent, 1000U);
}

TEST(datagram_handler_test, takes_the_longest_datagram) {
    session<echo> s;
    const std::string longest(65'507, 'x');
    s.send(peer(1), longest);
    EXPECT_THAT(s.received(peer(1)), ElementsAre(longest));
    EXPECT_THAT(told, IsEmpty());
}

TEST(datagram_handler_test, says_that_a_datagram_was_cut) {
    session<echo> s("max-datagram=1200");
    s.send(peer(1), std::string(1200, 'a'));
    s.send(peer(1), std::string(1201, 'b'));
    s.send(peer(1), "c");
    EXPECT_THAT(
        s.received(peer(1)), ElementsAre(std::string(1200, 'a'), std::string(1200, 'b'), "c")
    );
    EXPECT_THAT(told, ElementsAre("cut to 1200"));
    EXPECT_EQ(s.server().stats().datagrams.truncated, 1U);
}

class describer final : public handler {
    void handle(const datagram& d) override {
        reply(d, "from " + d.sender.to_string() + " to " + d.local.to_string());
    }
};

TEST(datagram_handler_test, knows_the_sender_and_the_local_address) {
    session<describer> s;
    s.send(peer(4711), "");
    EXPECT_THAT(s.received(peer(4711)), ElementsAre("from 127.0.0.1:4711 to 127.0.0.1:7700"));
    const endpoint six = endpoint::ip("2001:db8::1", 9);
    s.send(six, "");
    EXPECT_THAT(s.received(six), ElementsAre("from [2001:db8::1]:9 to 127.0.0.1:7700"));
}

class repeater final : public handler {
    void handle(const datagram& d) override {
        if (d.data.text() == "join")
            members_.push_back(d.sender);
        else
            tell("sent to " + std::to_string(send(members_, d.data)));
    }

    std::vector<endpoint> members_;
};

TEST(datagram_handler_test, sends_to_many_at_once) {
    session<repeater> s;
    for (std::uint16_t port = 1; port <= 200; ++port)
        s.send(peer(port), "join");
    s.send(peer(1000), "news");
    for (std::uint16_t port = 1; port <= 200; ++port)
        EXPECT_THAT(s.received(peer(port)), ElementsAre("news")) << port;
    EXPECT_THAT(s.received(peer(1000)), IsEmpty());
    EXPECT_THAT(told, ElementsAre("sent to 200"));
}

class in_place final : public handler {
    void handle(const datagram& d) override {
        reply(d, d.data);
        for (std::byte& b : d.data)
            b = std::byte{'!'};
        reply(d, d.data);
    }
};

TEST(datagram_handler_test, sends_what_the_bytes_were_in_the_call) {
    session<in_place> s;
    s.send(peer(1), "ab");
    EXPECT_THAT(s.received(peer(1)), ElementsAre("ab", "!!"));
}

// ---- what does not arrive

TEST(datagram_handler_test, queues_while_nothing_can_be_sent) {
    session<echo> s;
    s.send(peer(1), "before");
    s.network().stall(s.address());
    for (int i = 0; i < 100; ++i)
        s.send(peer(1), std::to_string(i));
    EXPECT_THAT(s.received(peer(1)), ElementsAre("before"));
    s.network().resume(s.address());
    s.settle();
    EXPECT_THAT(s.received(peer(1)), SizeIs(100));
    s.send(peer(1), "after");
    EXPECT_THAT(s.received(peer(1)), ElementsAre("after"));
    EXPECT_EQ(s.server().stats().datagrams.dropped, 0U);
}

class counting final : public handler {
    void handle(const datagram& d) override {
        const bool queued = reply(d, d.data);
        tell(queued ? "queued" : "dropped " + std::to_string(port().dropped(d.sender)));
    }
};

TEST(datagram_handler_test, drops_what_is_over_its_bounds_and_counts_it_for_each_peer) {
    session<counting> s("send-queue-per-peer=128");
    s.network().stall(s.address());
    for (int i = 0; i < 4; ++i)
        s.send(peer(1), "");
    s.send(peer(2), "");
    EXPECT_THAT(told, ElementsAre("queued", "queued", "dropped 1", "dropped 2", "queued"));
    EXPECT_EQ(s.server().stats().datagrams.dropped, 2U);
    EXPECT_THAT(s.log(), Contains(AllOf(HasSubstr("datagrams dropped"), HasSubstr("handler"))));
    s.network().resume(s.address());
    s.settle();
    EXPECT_THAT(s.received(peer(1)), SizeIs(2));
    EXPECT_THAT(s.received(peer(2)), SizeIs(1));
}

class refused final : public handler {
    void handle(const datagram& d) override { reply(d, d.data); }

    void unreachable(const endpoint& peer, const error_code& why) override {
        tell(
            peer.to_string() + (why == boost::system::errc::connection_refused ? " refused" : "?")
        );
    }
};

TEST(datagram_handler_test, is_told_of_a_peer_that_has_gone_and_goes_on) {
    session<refused> s;
    s.network().send(peer(1), s.address(), "and gone");
    s.settle();
    EXPECT_THAT(told, ElementsAre("127.0.0.1:1 refused"));
    EXPECT_EQ(s.server().stats().datagrams.unreachable, 1U);
    s.send(peer(2), "still there");
    EXPECT_THAT(s.received(peer(2)), ElementsAre("still there"));
}

// ---- errors

class thrower final : public handler {
    void handle(const datagram& d) override {
        if (d.data.text() == "fail")
            throw std::runtime_error("no such luck");
        reply(d, d.data);
    }
};

TEST(datagram_handler_test, goes_on_after_an_exception) {
    session<thrower> s;
    s.send(peer(1), "fail");
    s.send(peer(1), "fine");
    EXPECT_THAT(s.received(peer(1)), ElementsAre("fine"));
    EXPECT_EQ(s.server().stats().datagrams.errors, 1U);
    EXPECT_THAT(
        s.log(),
        ElementsAre(AllOf(
            HasSubstr("handle() failed"),
            HasSubstr("peer=127.0.0.1:1"),
            HasSubstr("listener=udp://127.0.0.1:7700"),
            HasSubstr("service=handler"),
            HasSubstr("no such luck")
        ))
    );
}

TEST(datagram_handler_test, logs_what_peers_can_repeat_a_few_times_a_second) {
    session<thrower> s;
    for (int i = 0; i < 1000; ++i)
        s.send(peer(1), "fail");
    EXPECT_THAT(s.log(), SizeIs(5));
    s.advance(1s);
    s.send(peer(1), "fail");
    EXPECT_THAT(s.log(), SizeIs(6));
    EXPECT_THAT(s.log().back(), HasSubstr("995 more before it"));
}

class bad_start final : public handler {
    void setup() override { throw std::runtime_error("not today"); }
    void handle(const datagram&) override { tell("handled"); }
    void finish() override { tell("finished"); }
};

TEST(datagram_handler_test, handles_nothing_where_setup_failed) {
    session<bad_start> s;
    s.send(peer(1), "x");
    EXPECT_THAT(told, IsEmpty());
    EXPECT_THAT(s.log(), ElementsAre(AllOf(HasSubstr("setup() failed"), HasSubstr("not today"))));
    s.drain();
    EXPECT_TRUE(s.ended());
    EXPECT_THAT(told, IsEmpty());
}

class bad_start_with_a_task final : public handler {
    void setup() override {
        tasks().spawn(&bad_start_with_a_task::work, this);
        tick_every(1s);
        throw std::runtime_error("not today");
    }

    void handle(const datagram&) override { tell("handled"); }
    void tick() override { tell("tick"); }

    task<> work() { co_await sleep(1h); }
};

TEST(datagram_handler_test, what_a_failed_setup_began_ends_with_it) {
    session<bad_start_with_a_task> s;
    s.send(peer(1), "x");
    s.advance(10s);
    s.drain();
    EXPECT_TRUE(s.ended());
    EXPECT_THAT(told, IsEmpty());
}

// ---- its life

class living final : public handler {
    void setup() override {
        tell("setup");
        tick_every(10s);
    }

    void handle(const datagram& d) override { tell(std::string(d.data.text())); }
    void tick() override { tell("tick"); }
    void drain() override { tell("drain"); }
    void finish() override { tell("finish"); }
};

TEST(datagram_handler_test, lives_from_setup_to_finish) {
    session<living> s;
    s.send(peer(1), "first");
    s.network().send(peer(1), s.address(), "had arrived");
    s.drain();
    EXPECT_TRUE(s.ended());
    EXPECT_THAT(told, ElementsAre("setup", "first", "had arrived", "drain", "finish"));
    s.send(peer(1), "too late");
    EXPECT_THAT(told, SizeIs(5));
}

TEST(datagram_handler_test, ticks_until_the_drain) {
    session<living> s;
    s.advance(9s);
    EXPECT_THAT(told, ElementsAre("setup"));
    s.advance(21s);
    EXPECT_THAT(told, ElementsAre("setup", "tick", "tick", "tick"));
    s.drain();
    s.advance(60s);
    EXPECT_THAT(told, ElementsAre("setup", "tick", "tick", "tick", "drain", "finish"));
}

class last_words final : public handler {
    void handle(const datagram& d) override { last_ = d.sender; }
    void finish() override { send(last_, "goodbye"); }

    endpoint last_;
};

TEST(datagram_handler_test, sends_what_finish_says) {
    session<last_words> s;
    s.send(peer(1), "x");
    s.drain();
    EXPECT_TRUE(s.ended());
    EXPECT_THAT(s.received(peer(1)), ElementsAre("goodbye"));
}

TEST(datagram_handler_test, a_drain_waits_for_what_is_queued) {
    session<last_words> s;
    s.send(peer(1), "x");
    s.network().stall(s.address());
    s.drain();
    EXPECT_FALSE(s.ended());
    s.network().resume(s.address());
    s.settle();
    EXPECT_TRUE(s.ended());
    EXPECT_THAT(s.received(peer(1)), ElementsAre("goodbye"));
}

TEST(datagram_handler_test, a_drains_deadline_ends_that) {
    session<last_words> s;
    s.send(peer(1), "x");
    s.network().stall(s.address());
    s.drain();
    s.advance(9s);
    EXPECT_FALSE(s.ended());
    s.advance(2s);
    EXPECT_TRUE(s.ended());
}

// ---- tasks

class slow final : public handler {
    void handle(const datagram& d) override {
        tasks().spawn(&slow::answer, this, d.sender, d.data.copy());
    }

    task<> answer(endpoint to, bytes text) {
        co_await sleep(5s);
        if (text.empty())
            throw std::runtime_error("nothing to say");
        send(to, text);
    }

    void finish() override { tell("finish"); }
};

TEST(datagram_handler_test, has_tasks_that_answer_later) {
    session<slow> s;
    s.send(peer(1), "first");
    s.send(peer(2), "second");
    EXPECT_THAT(s.received(peer(1)), IsEmpty());
    s.advance(5s);
    EXPECT_THAT(s.received(peer(1)), ElementsAre("first"));
    EXPECT_THAT(s.received(peer(2)), ElementsAre("second"));
}

TEST(datagram_handler_test, a_tasks_error_disturbs_no_other) {
    session<slow> s;
    s.send(peer(1), "");
    s.send(peer(2), "fine");
    s.advance(5s);
    EXPECT_THAT(s.received(peer(2)), ElementsAre("fine"));
    EXPECT_THAT(s.log(), ElementsAre(AllOf(HasSubstr("task failed"), HasSubstr("nothing to say"))));
    s.send(peer(2), "and on");
    s.advance(5s);
    EXPECT_THAT(s.received(peer(2)), ElementsAre("and on"));
}

TEST(datagram_handler_test, a_drain_waits_for_tasks) {
    session<slow> s;
    s.send(peer(1), "asked");
    s.drain();
    EXPECT_FALSE(s.ended());
    EXPECT_THAT(told, IsEmpty());
    s.advance(5s);
    EXPECT_TRUE(s.ended());
    EXPECT_THAT(told, ElementsAre("finish"));
    EXPECT_THAT(s.received(peer(1)), ElementsAre("asked"));
    EXPECT_THAT(s.log(), IsEmpty());
}

class endless final : public handler {
    void setup() override { tasks().spawn(&endless::run, this); }
    void handle(const datagram&) override {}

    task<> run() {
        for (;;)
            co_await sleep(1s);
    }

    void finish() override { tell("finish"); }
};

TEST(datagram_handler_test, a_drains_deadline_cancels_tasks) {
    session<endless> s;
    s.advance(3s);
    s.drain();
    s.advance(9s);
    EXPECT_FALSE(s.ended());
    s.advance(2s);
    EXPECT_TRUE(s.ended());
    EXPECT_THAT(told, ElementsAre("finish"));
}

TEST(datagram_handler_test, a_server_may_be_destroyed_with_tasks_running) {
    session<endless> s;
    s.advance(3s);
}

// ---- siblings

class sibling final : public handler {
    void handle(const datagram& d) override {
        const std::string text(d.data.text());
        const std::size_t told_to = on_other_cores(*this, [text](sibling& there) {
            tell(std::to_string(there.core()) + " hears " + text);
        });
        tell(std::to_string(core()) + " told " + std::to_string(told_to));
    }
};

TEST(datagram_handler_test, speaks_to_its_siblings_in_order) {
    session<sibling> s("", 3);
    s.network().pin(peer(1), 1);
    s.network().join(peer(1));
    s.network().send(peer(1), s.address(), "a");
    s.network().send(peer(1), s.address(), "b");
    s.settle();
    EXPECT_THAT(told, SizeIs(6));
    EXPECT_EQ(told[0], "1 told 2");
    EXPECT_EQ(told[1], "1 told 2");
    EXPECT_THAT(
        std::vector(told.begin() + 2, told.end()),
        ElementsAre("0 hears a", "2 hears a", "0 hears b", "2 hears b")
    );
}

TEST(datagram_handler_test, has_no_siblings_alone) {
    session<sibling> s;
    s.send(peer(1), "a");
    EXPECT_THAT(told, ElementsAre("0 told 0"));
}

class failing_call final : public handler {
    void handle(const datagram& d) override {
        on_other_cores(*this, [](failing_call&) { throw std::runtime_error("over there"); });
        reply(d, d.data);
    }
};

TEST(datagram_handler_test, what_a_siblings_call_throws_is_logged_there) {
    session<failing_call> s("", 2);
    s.send(peer(1), "x");
    EXPECT_THAT(s.received(peer(1)), ElementsAre("x"));
    EXPECT_THAT(s.log(), ElementsAre(HasSubstr("over there")));
}

// ---- hooks and functions

TEST(datagram_handler_test, a_function_is_a_service_too) {
    testing::datagram_handler_session s(
        [](registry& r) {
            r.add("handler", [](datagram_port& port, const datagram& d) {
                port.reply(d, std::to_string(d.data.size()));
            });
        },
        "",
        1
    );
    s.send(peer(1), "four");
    EXPECT_THAT(s.received(peer(1)), ElementsAre("4"));
}

// ---- a client in memory

TEST(datagram_handler_test, answers_a_socket_in_memory) {
    session<echo> s;
    datagram_socket client = s.open(peer(1));
    EXPECT_EQ(client.peer(), s.address());
    client.send("hello");
    const auto reply = s.run(client.receive(1s));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->data.text(), "hello");
    EXPECT_EQ(reply->sender, s.address());
    EXPECT_FALSE(client.try_receive());
}

}  // namespace
}  // namespace coserve
