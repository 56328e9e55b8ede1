#include "child_check.hpp"
#include "plain_peer.hpp"

#include <coserve/blocking_pool.hpp>
#include <coserve/core_local.hpp>
#include <coserve/server.hpp>
#include <coserve/subprocess.hpp>
#include <coserve/testing/loopback_server.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace coserve {
namespace {

using namespace std::chrono_literals;
using namespace server_check;
using ending = plain_peer::ending;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::loopback_server;

class echo final : public stream_handler {
    task<> handle() override {
        while (auto f = co_await read_frame())
            co_await write_frame(*f);
    }
};

void add_echo(registry& r) {
    r.add<echo>("echo");
}

/// Long enough that only a fault makes a test see its end.
const server_options patient{.cores = 1, .drain_timeout = 120s};

/// Once the drain has reached the core: an idle connection sees its end.
void await_drain(plain_peer& idle) {
    EXPECT_EQ(idle.receive_rest(), "");
    idle.close();
}

// ---- what is answered

TEST(drain_test, answers_what_had_arrived) {
    loopback_server s(&add_echo, "echo", "", patient);
    plain_peer idle(s.url()), p(s.url());
    EXPECT_EQ(p.ask("ready"), "ready");
    std::string all;
    for (int i = 0; i < 1000; ++i)
        all += framed("request " + std::to_string(i));
    p.send(all);
    p.await_arrival();
    s.server().stop();
    await_drain(idle);
    EXPECT_EQ(p.receive_rest(), all);
    p.close();
    s.stop();
    EXPECT_THAT(s.log(), IsEmpty());
}

TEST(drain_test, lets_a_frame_that_has_begun_complete) {
    loopback_server s(&add_echo, "echo", "", patient);
    plain_peer idle(s.url()), p(s.url());
    EXPECT_EQ(p.ask("ready"), "ready");
    const std::string begun = framed("a frame that has begun");
    p.send(begun.substr(0, 9));
    p.await_arrival();
    s.server().stop();
    await_drain(idle);
    p.send(begun.substr(9) + framed("and one that had not"));
    EXPECT_EQ(p.receive_rest(), begun);
    p.close();
    s.stop();
    EXPECT_THAT(s.log(), IsEmpty());
}

TEST(drain_test, ignores_what_comes_later) {
    loopback_server s(&add_echo, "echo", "", patient);
    plain_peer idle(s.url()), p(s.url());
    EXPECT_EQ(p.ask("ready"), "ready");
    s.server().stop();
    await_drain(idle);
    EXPECT_EQ(p.receive_rest(), "");
    p.send_frame("too late");  // read and dropped, so that no reset meets a reply
    p.close();
    s.stop();
    EXPECT_THAT(s.log(), IsEmpty());
}

TEST(drain_test, shows_idle_peers_the_end_at_once) {
    loopback_server s(&add_echo, "echo", "", {.cores = 2, .drain_timeout = 120s});
    std::vector<plain_peer> idle;
    for (int i = 0; i < 20; ++i)
        idle.emplace_back(s.url());
    EXPECT_EQ(idle[0].ask("hello"), "hello");
    EXPECT_EQ(idle[1].ask("hello"), "hello");
    s.server().stop();
    for (plain_peer& p : idle) {
        EXPECT_EQ(p.await_end(), ending::finished);
        p.close();
    }
    s.stop();
    EXPECT_THAT(s.log(), IsEmpty());
}

TEST(drain_test, refuses_new_connections) {
    loopback_server s(&add_echo, "echo", "", patient);
    plain_peer idle(s.url()), p(s.url());
    EXPECT_EQ(p.ask("ready"), "ready");
    p.send(framed("half").substr(0, 5));
    p.await_arrival();
    s.server().stop();
    await_drain(idle);
    EXPECT_THROW(plain_peer{s.url()}, std::system_error);
    p.send(framed("half").substr(5));
    EXPECT_EQ(p.receive_rest(), framed("half"));
}

TEST(drain_test, waits_for_slow_readers) {
    class generous final : public stream_handler {
        task<> handle() override {
            while (auto f = co_await read_frame())
                for (std::uint32_t i = 0; i < 64; ++i)
                    co_await write_frame(pattern(std::size_t{64} << 10, i));
        }
    };
    loopback_server s([](registry& r) { r.add<generous>("give"); }, "give", "", patient);
    plain_peer idle(s.url()), slow(s.url(), 4096);
    slow.send_frame("go");
    eventually([&] { return slow.readable(); }, "the first bytes come");
    s.server().stop();
    await_drain(idle);
    for (std::uint32_t i = 0; i < 64; ++i)
        ASSERT_TRUE(slow.receive_frame() == pattern(std::size_t{64} << 10, i)) << i;
    EXPECT_EQ(slow.receive_rest(), "");
    slow.close();
    s.stop();
    EXPECT_THAT(s.log(), IsEmpty());
}

/// Those that the kernel has accepted, and the server not yet, are served too.
TEST(drain_test, sweeps_the_backlog) {
    server s({.cores = 2, .drain_timeout = 120s, .log = [](const log_record&) {}});
    add_echo(s.registry());
    const std::string url = s.listen("echo=tcp://127.0.0.1:0").url();
    std::vector<plain_peer> peers;
    for (int i = 0; i < 200; ++i) {
        peers.emplace_back(url);
        if (i % 2 == 0)
            peers.back().send_frame(std::to_string(i));
    }
    for (plain_peer& p : peers)
        p.await_arrival();
    s.stop();
    std::thread runner([&] { s.run(); });
    for (int i = 0; i < 200; ++i) {
        EXPECT_EQ(peers[i].receive_rest(), i % 2 == 0 ? framed(std::to_string(i)) : "");
        peers[i].close();
    }
    runner.join();
    EXPECT_EQ(s.stats().accepted, 200U);
}

/// Replies with unread input behind them: closing at once would reset the connection, and the
/// replies would be lost.
TEST(drain_test, ends_without_a_reset) {
    class one_answer final : public stream_handler {
        task<> handle() override {
            co_await read_frame();
            co_await write_frame(std::string(1'000'000, 'x'));
        }
    };
    loopback_server s([](registry& r) { r.add<one_answer>("answer"); }, "answer", "", patient);
    plain_peer p(s.url(), 4096);
    p.send_frame("one");
    p.send(pattern(500'000));  // nobody will read this
    s.server().stop();
    EXPECT_EQ(p.receive_rest().size(), 1'000'004U);
    p.close();
    s.stop();
    EXPECT_THAT(s.log(), IsEmpty());
}

TEST(drain_test, tells_handlers_that_work_long) {
    class worker final : public stream_handler {
        task<> handle() override {
            co_await read_frame();
            co_await write_frame("working");
            while (!server().draining())
                co_await sleep(1ms);
            co_await write_frame("draining");
        }
    };
    loopback_server s([](registry& r) { r.add<worker>("work"); }, "work", "", patient);
    plain_peer p(s.url());
    EXPECT_EQ(p.ask(""), "working");
    s.server().stop();
    EXPECT_EQ(p.receive_frame(), "draining");
    EXPECT_EQ(p.receive_rest(), "");
}

// ---- its deadline

using words = std::vector<std::string>;

/// One core, so that they need no lock; read when the server has ended.
using notes = concurrent<words>;

class stubborn final : public stream_handler {
public:
    explicit stubborn(const notes& n) : notes_(n) {}

private:
    task<> handle() override {
        co_await write_frame("here");
        try {
            co_await sleep(24h);
        } catch (const system_error&) {
            notes_->emplace_back("cancelled");
            throw;
        }
    }

    task<> finish() override {
        notes_->emplace_back("finishing");
        co_await sleep(1ms);
        notes_->emplace_back("finished");
    }

    notes notes_;
};

TEST(drain_deadline_test, cancels_and_resets) {
    words said;
    loopback_server s(
        [&](registry& r) { r.add<stubborn>("hold", notes(said)); },
        "hold",
        "",
        {.cores = 1, .drain_timeout = 20ms}
    );
    plain_peer p(s.url());
    EXPECT_EQ(p.receive_frame(), "here");
    s.server().stop();
    EXPECT_EQ(p.await_end(), ending::reset);
    s.stop();
    EXPECT_THAT(said, ElementsAre("cancelled", "finishing", "finished"));
    EXPECT_THAT(
        s.log(),
        ElementsAre(
            "drain cut short connections=1",
            AllOf(HasSubstr("connection ended"), HasSubstr("reason=cancelled"))
        )
    );
}

TEST(drain_deadline_test, of_nothing_is_at_once) {
    words said;
    loopback_server s(
        [&](registry& r) { r.add<stubborn>("hold", notes(said)); },
        "hold",
        "",
        {.cores = 1, .drain_timeout = 0s}
    );
    plain_peer p(s.url());
    EXPECT_EQ(p.receive_frame(), "here");
    s.stop();
    EXPECT_EQ(p.await_end(), ending::reset);
    EXPECT_THAT(said, ElementsAre("cancelled", "finishing", "finished"));
}

TEST(drain_deadline_test, may_be_never) {
    loopback_server s(&add_echo, "echo", "", {.cores = 1, .drain_timeout = duration::max()});
    plain_peer idle(s.url()), p(s.url());
    EXPECT_EQ(p.ask("ready"), "ready");
    p.send(framed("hello").substr(0, 5));
    p.await_arrival();
    s.server().stop();
    await_drain(idle);
    p.send(framed("hello").substr(5));
    EXPECT_EQ(p.receive_rest(), framed("hello"));
    p.close();
    s.stop();
    EXPECT_THAT(s.log(), IsEmpty());
}

/// finish() and what it waits for have one second together, and then run() returns all the same.
TEST(drain_deadline_test, gives_finish_a_second) {
    class endless final : public stream_handler {
    public:
        explicit endless(const notes& n) : notes_(n) {}

    private:
        task<> handle() override {
            co_await write_frame("here");
            co_await sleep(24h);
        }

        task<> finish() override {
            try {
                co_await sleep(24h);
            } catch (const system_error&) {
                notes_->emplace_back("cancelled");
                throw;
            }
        }

        notes notes_;
    };
    words said;
    loopback_server s(
        [&](registry& r) { r.add<endless>("hold", notes(said)); },
        "hold",
        "",
        {.cores = 1, .drain_timeout = 1ms}
    );
    plain_peer p(s.url());
    EXPECT_EQ(p.receive_frame(), "here");
    const auto begin = std::chrono::steady_clock::now();
    s.stop();
    const auto took = std::chrono::steady_clock::now() - begin;
    EXPECT_GE(took, 900ms);
    EXPECT_LT(took, 20s);
}

/// Work that cannot be interrupted keeps run() no longer than that second; its server waits for it
/// where it is destroyed.
TEST(drain_deadline_test, does_not_wait_for_blocking_work) {
    static std::atomic<bool> begun, released, ended;
    begun = released = ended = false;
    class blocking final : public stream_handler {
        task<> handle() override {
            auto work = [] {
                begun = true;
                eventually([] { return released.load(); }, "it is released");
                ended = true;
            };
            co_await run_blocking(work);
        }
    };
    {
        loopback_server s(
            [](registry& r) { r.add<blocking>("block"); },
            "block",
            "",
            {.cores = 1, .drain_timeout = 1ms}
        );
        plain_peer p(s.url());
        eventually([] { return begun.load(); }, "it has begun");
        s.stop();
        EXPECT_FALSE(ended);
        EXPECT_EQ(p.await_end(), ending::reset);
        released = true;
    }
    EXPECT_TRUE(ended);
}

TEST(drain_deadline_test, resets_a_peer_that_does_not_read) {
    class flood final : public stream_handler {
        task<> handle() override {
            for (;;)
                co_await write_frame(std::string(10'000, 'x'));
        }
    };
    loopback_server s(
        [](registry& r) { r.add<flood>("flood"); }, "flood", "", {.cores = 1, .drain_timeout = 20ms}
    );
    plain_peer p(s.url(), 4096);
    eventually([&] { return p.readable(); }, "it floods");
    s.stop();
    EXPECT_EQ(p.await_end(), ending::reset);
    EXPECT_THAT(s.log(), Contains("drain cut short connections=1"));
}

/// Handlers that were to be cancelled, and swallow it, end with the rest.
TEST(drain_deadline_test, ends_handlers_that_swallow_their_cancellation) {
    class deaf final : public stream_handler {
        task<> handle() override {
            co_await write_frame("here");
            try {
                co_await sleep(24h);
            } catch (const system_error&) {
                co_return;
            }
        }
    };
    loopback_server s(
        [](registry& r) { r.add<deaf>("hold"); }, "hold", "", {.cores = 1, .drain_timeout = 1ms}
    );
    plain_peer p(s.url());
    EXPECT_EQ(p.receive_frame(), "here");
    s.stop();
    EXPECT_EQ(p.await_end(), ending::reset);
    EXPECT_THAT(s.log(), ElementsAre("drain cut short connections=1"));
}

// ---- children

class runs final : public stream_handler {
public:
    runs(const std::string& command, const std::string& mark)
        : options_(subprocess_options::shell(command)) {
        options_.environment = {"PATH=/usr/bin:/bin", mark};
    }

private:
    task<> handle() override {
        subprocess p = co_await subprocess::start(options_);
        while (const auto piece = co_await p.read())
            co_await write_frame(piece->bytes);
    }

    subprocess_options options_;
};

struct child_at_drain {
    child_check::mark mark;
    loopback_server server;
    plain_peer peer;

    child_at_drain(const std::string& command, const server_options& options)
        : server(
              [&](registry& r) { r.add<runs>("runs", command, mark.text()); }, "runs", "", options
          ),
          peer(server.url()) {
        EXPECT_EQ(peer.receive(4 + 6), framed("ready\n"));
    }
};

TEST(drain_test, a_command_may_end) {
    child_at_drain d("echo ready; read x < /dev/null; sleep 0.2; echo done", patient);
    d.server.server().stop();
    EXPECT_EQ(d.peer.receive_rest(), framed("done\n"));
    d.peer.close();
    d.server.stop();
    EXPECT_TRUE(d.mark.survivors().empty());
}

TEST(drain_test, at_its_deadline_children_are_stopped) {
    child_at_drain d(
        "trap '' TERM; echo ready; sleep 1000; sleep 1000", {.cores = 1, .drain_timeout = 0s}
    );
    const auto begin = std::chrono::steady_clock::now();
    d.server.stop();
    const auto took = std::chrono::steady_clock::now() - begin;
    EXPECT_GE(took, 900ms) << "they have a second";
    EXPECT_LT(took, 3s);
    EXPECT_TRUE(d.mark.survivors().empty());
    EXPECT_EQ(child_check::zombies(), 0U);
}

TEST(drain_test, at_its_deadline_children_that_hear_end_at_once) {
    child_at_drain d("echo ready; exec sleep 1000", {.cores = 1, .drain_timeout = 0s});
    const auto begin = std::chrono::steady_clock::now();
    d.server.stop();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 900ms);
    EXPECT_TRUE(d.mark.survivors().empty());
}

}  // namespace
}  // namespace coserve
