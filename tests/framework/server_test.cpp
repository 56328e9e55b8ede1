#include "child_check.hpp"
#include "plain_peer.hpp"

#include <coserve/core_local.hpp>
#include <coserve/core_pool.hpp>
#include <coserve/server.hpp>
#include <coserve/testing/loopback_server.hpp>
#include <coserve/testing/run_coroutine.hpp>

#include "server_state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <sched.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <utility>
#include <vector>

namespace coserve {
namespace {

using namespace std::chrono_literals;
using namespace server_check;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::loopback_server;
using ::testing::MatchesRegex;
using ::testing::SizeIs;
using ::testing::StartsWith;

class echo final : public stream_handler {
    task<> handle() override {
        while (auto f = co_await read_frame())
            co_await write_frame(*f);
    }
};

/// Answers with the core it is on.
class where final : public stream_handler {
    task<> handle() override {
        while (auto f = co_await read_frame())
            co_await write_frame(std::to_string(this_core()));
    }
};

void add_services(registry& r) {
    r.add<echo>("echo");
    r.add<where>("where");
}

server_options quiet(unsigned cores = 1) {
    return {.cores = cores, .log = [](const log_record&) {}};
}

std::string error_of(const std::function<void()>& work) {
    try {
        work();
    } catch (const std::exception& e) {
        return e.what();
    }
    return "none";
}

// ---- serving

TEST(server_test, serves_many_connections_on_its_cores) {
    loopback_server s(&add_services, "echo", "", {.cores = 2});
    std::vector<plain_peer> peers;
    for (int i = 0; i < 50; ++i)
        peers.emplace_back(s.url());
    for (int round = 0; round < 3; ++round)
        for (std::size_t i = 0; i < peers.size(); ++i) {
            const std::string question = std::to_string(round) + "/" + std::to_string(i);
            EXPECT_EQ(peers[i].ask(question), question);
        }
    for (plain_peer& p : peers)
        p.finish();
    for (plain_peer& p : peers)
        EXPECT_EQ(p.receive_rest(), "");
    s.stop();
    EXPECT_THAT(s.log(), IsEmpty());
    EXPECT_EQ(s.server().stats().accepted, 50U);
    EXPECT_EQ(s.server().stats().active, 0U);
    EXPECT_EQ(s.server().stats().failed, 0U);
}

TEST(server_test, has_a_core_for_each_processor_by_default) {
    const server s({.log = nullptr});
    EXPECT_EQ(s.cores(), available_cores());
}

TEST(server_test, several_run_in_one_process) {
    loopback_server first(&add_services, "echo"), second(&add_services, "echo");
    EXPECT_NE(first.url(), second.url());
    plain_peer to_first(first.url()), to_second(second.url());
    EXPECT_EQ(to_first.ask("one"), "one");
    EXPECT_EQ(to_second.ask("two"), "two");
    to_first.close();
    first.stop();
    EXPECT_EQ(to_second.ask("still here"), "still here");
    EXPECT_THROW(plain_peer{first.url()}, std::system_error);
}

TEST(server_test, several_listeners_serve_different_things) {
    server s(quiet(2));
    add_services(s.registry());
    const auto echoing = s.listen("echo=tcp://127.0.0.1:0?framing=raw");
    const auto asking = s.listen("where=tcp://127.0.0.1:0");
    std::thread runner([&] { s.run(); });
    plain_peer raw(echoing.url());
    raw.send("hello");
    EXPECT_EQ(raw.receive(5), "hello");
    plain_peer framed(asking.url());
    EXPECT_THAT(framed.ask(""), MatchesRegex("[01]"));
    raw.close();
    framed.close();
    s.stop();
    runner.join();
}

// ---- what is wrong is said at once

TEST(server_listen_test, refuses_what_it_does_not_know) {
    server s(quiet());
    add_services(s.registry());
    const auto refusal = [&](const char* text) { return error_of([&] { s.listen(text); }); };
    EXPECT_THAT(
        refusal("ecko=tcp://127.0.0.1:0"),
        AllOf(HasSubstr("\"ecko\""), HasSubstr("the known ones are echo, where"))
    );
    EXPECT_THAT(
        refusal("echo=tcp://127.0.0.1:0?frmaing=raw"),
        AllOf(StartsWith("echo=tcp://127.0.0.1:0?frmaing=raw"), HasSubstr("framing"))
    );
    EXPECT_THAT(refusal("echo=tcp://127.0.0.1:0?framing=morse"), HasSubstr("length-prefix"));
    EXPECT_THAT(refusal("echo=tcp://127.0.0.1:0?backlog=0"), HasSubstr("1 to 65535"));
    EXPECT_THAT(
        refusal("echo=tcp://127.0.0.1:0?max-connections=x"), HasSubstr("max-connections=x")
    );
    EXPECT_THAT(refusal("echo=tcp://127.0.0.1:0?low-water=1MiB"), HasSubstr("low-water"));
    EXPECT_THAT(refusal("echo=udp://127.0.0.1:0"), HasSubstr("datagram"));
    EXPECT_THAT(refusal("echo=tcp://127.0.0.1"), HasSubstr("no port"));
    EXPECT_THAT(refusal("tcp://127.0.0.1:0"), HasSubstr("SERVICE=URL"));
    EXPECT_THAT(refusal("=tcp://127.0.0.1:0"), HasSubstr("SERVICE=URL"));
    EXPECT_THAT(refusal("echo"), HasSubstr("SERVICE=URL"));
    EXPECT_THAT(refusal(""), HasSubstr("SERVICE=URL"));
}

TEST(server_listen_test, check_says_the_same_without_binding) {
    server s(quiet());
    add_services(s.registry());
    const auto taken = s.listen("echo=tcp://127.0.0.1:0");
    EXPECT_NO_THROW(s.check("echo=" + taken.url()));
    EXPECT_NO_THROW(s.check("echo=tcp://127.0.0.1:7700?framing=raw&max-frame=1MiB"));
    EXPECT_THROW(s.check("ecko=tcp://127.0.0.1:0"), configuration_error);
    EXPECT_THROW(s.check("echo=tcp://127.0.0.1:0?frmaing=raw"), configuration_error);
    EXPECT_THROW(s.check("echo=udp://127.0.0.1:0"), configuration_error);
}

// ---- run()

TEST(server_run_test, runs_once) {
    server s(quiet());
    s.stop();
    s.run();
    EXPECT_THROW(s.run(), std::logic_error);
}

TEST(server_run_test, returns_where_it_was_stopped_before) {
    server s(quiet(2));
    add_services(s.registry());
    s.listen("echo=tcp://127.0.0.1:0");
    s.stop();
    s.stop();
    s.run();
    s.stop();
}

TEST(server_run_test, is_stopped_from_another_thread) {
    loopback_server s(&add_services, "echo", "", {.cores = 2});
    plain_peer p(s.url());
    EXPECT_EQ(p.ask("hello"), "hello");
    std::thread([&] { s.server().stop(); }).join();
    EXPECT_EQ(p.receive_rest(), "");
    p.close();
    s.stop();
    EXPECT_THAT(s.log(), IsEmpty());
}

TEST(server_run_test, is_stopped_by_a_handler_on_any_core) {
    class stopper final : public stream_handler {
        task<> handle() override {
            co_await read_frame();
            server().stop();
            co_await write_frame("stopping");
        }
    };
    for (const std::size_t connections : {1U, 2U}) {
        server s(quiet(2));
        s.registry().add<stopper>("stop");
        const auto at = s.listen("stop=tcp://127.0.0.1:0");
        std::thread runner([&] { s.run(); });
        std::vector<plain_peer> peers;
        for (std::size_t i = 0; i < connections; ++i)
            peers.emplace_back(at.url());
        EXPECT_EQ(peers.back().ask("now"), "stopping");
        for (plain_peer& p : peers)
            p.finish();
        for (plain_peer& p : peers)
            EXPECT_EQ(p.await_end(), plain_peer::ending::finished);
        runner.join();
    }
}

TEST(server_run_test, a_handle_outlives_its_server) {
    std::optional<server_handle> handle;
    {
        server s(quiet());
        handle.emplace(s.handle());
        EXPECT_FALSE(handle->draining());
        handle->stop();
        EXPECT_TRUE(handle->draining());
        s.run();
    }
    EXPECT_TRUE(handle->draining());
    EXPECT_EQ(handle->stats().accepted, 0U);
    handle->stop();
}

TEST(server_run_test, is_not_for_a_hosts_context) {
    io_context host;
    server s(host.get_executor(), quiet());
    EXPECT_THROW(s.run(), std::logic_error);
}

// ---- signals

/// What a signal does now.
struct disposition {
    explicit disposition(int signal) { ::sigaction(signal, nullptr, &action); }

    bool operator==(const disposition& other) const {
        constexpr int restorer = 0x0400'0000;  // which glibc sets by itself
        return action.sa_handler == other.action.sa_handler &&
               (action.sa_flags | restorer) == (other.action.sa_flags | restorer);
    }

    struct sigaction action{};
};

TEST(server_signals_test, are_restored_as_they_were) {
    struct sigaction interrupt_before{}, terminate_before{};
    struct sigaction own{};
    own.sa_handler = [](int) {};
    own.sa_flags = SA_NODEFER;
    ::sigaction(SIGTERM, &own, &terminate_before);
    own.sa_handler = SIG_IGN;
    own.sa_flags = 0;
    ::sigaction(SIGINT, &own, &interrupt_before);
    const disposition interrupt(SIGINT), terminate(SIGTERM);
    {
        server s(quiet());
        EXPECT_EQ(disposition(SIGTERM), terminate) << "only run() takes signals";
        std::atomic<bool> taken = false;
        s.every(1ms, [&] {
            taken = !(disposition(SIGTERM) == terminate) && !(disposition(SIGINT) == interrupt);
            s.stop();
        });
        s.run();
        EXPECT_TRUE(taken);
        EXPECT_EQ(disposition(SIGTERM), terminate);
        EXPECT_EQ(disposition(SIGINT), interrupt);
    }
    ::sigaction(SIGTERM, &terminate_before, nullptr);
    ::sigaction(SIGINT, &interrupt_before, nullptr);
}

TEST(server_signals_test, are_restored_where_run_throws) {
    const disposition terminate(SIGTERM);
    server s(quiet());
    s.stop();
    s.run();
    EXPECT_THROW(s.run(), std::logic_error);
    EXPECT_EQ(disposition(SIGTERM), terminate);
}

TEST(server_signals_test, begin_a_drain) {
    for (const int signal : {SIGTERM, SIGINT}) {
        const auto work = [signal] {
            server s(quiet());
            add_services(s.registry());
            const auto at = s.listen("echo=tcp://127.0.0.1:0");
            plain_peer p(at.url());
            p.send_frame("before the signal");
            p.await_arrival();
            bool raised = false;  // a second one would end the drain
            s.every(1ms, [&] {
                if (s.stats().active == 1 && !std::exchange(raised, true))
                    ::raise(signal);
            });
            std::thread client([&] {
                if (p.receive_frame() == "before the signal" && p.receive_rest().empty())
                    p.close();
            });
            s.run();
            client.join();
            return 7;
        };
        EXPECT_EQ(in_child(work), 7);
    }
}

/// An hour's drain, and a connection that would use it.
TEST(server_signals_test, the_second_ends_the_drain_at_once) {
    const auto work = [] {
        server s({.cores = 1, .drain_timeout = 1h, .log = [](const log_record&) {}});
        s.registry().add("sleep", [](frame_stream&) -> task<> { co_await sleep(1h); });
        const auto at = s.listen("sleep=tcp://127.0.0.1:0");
        plain_peer p(at.url());
        int raised = 0;
        s.every(1ms, [&] {
            const bool draining = s.handle().draining();
            if (s.stats().active == 1 && raised == (draining ? 1 : 0)) {
                ++raised;
                ::raise(SIGTERM);
            }
        });
        s.run();
        return raised;
    };
    EXPECT_EQ(in_child(work), 2);
}

/// A child that has hours to end in, and uses them.
class deaf final : public stream_handler {
public:
    deaf(const std::string& mark, concurrent<std::atomic<bool>> ready)
        : options_(child_check::sh("trap '' TERM; echo ready; sleep 1000; sleep 1000")),
          ready_(ready) {
        options_.environment.push_back(mark);
        options_.grace = 1h;
    }

private:
    task<> handle() override {
        subprocess p = co_await subprocess::start(options_);
        const auto first = co_await p.read();
        *ready_ = first.has_value();
        co_await sleep(1h);
    }

    subprocess_options options_;
    concurrent<std::atomic<bool>> ready_;
};

TEST(server_signals_test, the_second_kills_the_children) {
    const child_check::mark mark;
    const auto work = [&] {
        server s({.cores = 1, .drain_timeout = 1h, .log = [](const log_record&) {}});
        std::atomic<bool> ready = false;
        s.registry().add<deaf>("deaf", mark.text(), concurrent(ready));
        const auto at = s.listen("deaf=tcp://127.0.0.1:0");
        plain_peer p(at.url());
        int raised = 0;
        std::chrono::steady_clock::time_point last;
        s.every(1ms, [&] {
            if (ready && raised == (s.handle().draining() ? 1 : 0)) {
                ++raised;
                last = std::chrono::steady_clock::now();
                ::raise(SIGTERM);
            }
        });
        s.run();
        if (std::chrono::steady_clock::now() - last > 950ms)
            return 10;  // the second that one signal would have left them
        return mark.survivors().empty() && child_check::own_children().empty() ? raised : 11;
    };
    EXPECT_EQ(in_child(work), 2);
}

TEST(server_signals_test, the_first_ends_a_drain_that_something_else_began) {
    const auto work = [] {
        server s({.cores = 1, .drain_timeout = 1h, .log = [](const log_record&) {}});
        s.registry().add("sleep", [](frame_stream&) -> task<> { co_await sleep(1h); });
        const auto at = s.listen("sleep=tcp://127.0.0.1:0");
        plain_peer p(at.url());
        int raised = 0;
        s.every(1ms, [&] {
            if (s.stats().active == 1 && !s.handle().draining()) {
                s.stop();
            } else if (s.handle().draining() && raised == 0) {
                ++raised;
                ::raise(SIGTERM);
            }
        });
        s.run();
        return raised;
    };
    EXPECT_EQ(in_child(work), 1);
}

TEST(server_signals_test, that_come_together_end_it_at_once) {
    const auto work = [] {
        server s({.cores = 2, .drain_timeout = 1h, .log = [](const log_record&) {}});
        s.registry().add("sleep", [](frame_stream&) -> task<> { co_await sleep(1h); });
        const auto at = s.listen("sleep=tcp://127.0.0.1:0");
        plain_peer p(at.url()), q(at.url());
        bool raised = false;
        s.every(1ms, [&] {
            if (s.stats().active == 2 && !std::exchange(raised, true)) {
                ::raise(SIGTERM);
                ::raise(SIGINT);
            }
        });
        s.run();
        return 7;
    };
    EXPECT_EQ(in_child(work), 7);
}

// ---- every()

TEST(server_every_test, calls_again_and_again_on_core_zero) {
    server s(quiet(2));
    int calls = 0;
    std::thread::id runs_on;
    s.every(1ms, [&] {
        runs_on = std::this_thread::get_id();
        EXPECT_EQ(this_core(), 0U);
        if (++calls == 5)
            s.stop();
    });
    s.run();
    EXPECT_EQ(calls, 5);
    EXPECT_EQ(runs_on, std::this_thread::get_id());
}

TEST(server_every_test, logs_what_it_throws_and_goes_on) {
    std::vector<std::string> log;
    server s({.cores = 1, .log = [&](const log_record& r) { log.push_back(log_text(r)); }});
    int calls = 0;
    s.every(1ms, [&] {
        if (++calls == 3)
            return s.stop();
        throw std::runtime_error("not now");
    });
    s.run();
    EXPECT_THAT(
        log,
        ElementsAre(
            "periodic action failed reason=\"not now\"", "periodic action failed reason=\"not now\""
        )
    );
}

TEST(server_every_test, waits_one_interval_first) {
    server s(quiet());
    bool called = false;
    s.every(24h, [&] { called = true; });
    s.every(1ms, [&] { s.stop(); });
    s.run();
    EXPECT_FALSE(called);
}

TEST(server_every_test, needs_an_interval) {
    server s(quiet());
    EXPECT_THROW(s.every(0s, [] {}), std::invalid_argument);
    EXPECT_THROW(s.every(-1s, [] {}), std::invalid_argument);
    bool called = false;
    s.every(duration::max(), [&] { called = true; });
    s.every(1ms, [&] { s.stop(); });
    s.run();
    EXPECT_FALSE(called);
}

// ---- caps

/// A connection over a cap is closed at once; what else is open goes on.
TEST(server_caps_test, of_a_listener) {
    loopback_server s(&add_services, "echo", "max-connections=2", {.cores = 2});
    plain_peer first(s.url()), second(s.url());
    EXPECT_EQ(first.ask("1"), "1");
    EXPECT_EQ(second.ask("2"), "2");
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(plain_peer(s.url()).receive_rest(), "");
    EXPECT_EQ(first.ask("1"), "1");
    EXPECT_EQ(s.server().stats().refused, 3U);
    EXPECT_THAT(
        s.log(),
        Each(MatchesRegex(
            "connection refused peer=127.0.0.1:[0-9]+ listener=" + s.url() +
            " service=echo reason=\"max-connections is reached\""
        ))
    );
    EXPECT_THAT(s.log(), SizeIs(Ge(1U)));
    if (std::chrono::steady_clock::now() < start + 900ms) {
        EXPECT_THAT(s.log(), SizeIs(1)) << "no more than a line a second";
    }
    first.close();
    eventually([&] { return s.server().stats().active == 1; }, "the first has ended");
    EXPECT_EQ(plain_peer(s.url()).ask("3"), "3");
}

TEST(server_caps_test, of_all_listeners_together) {
    server s({.cores = 2, .max_connections = 2, .log = [](const log_record&) {}});
    add_services(s.registry());
    const auto one = s.listen("echo=tcp://127.0.0.1:0"), two = s.listen("where=tcp://127.0.0.1:0");
    std::thread runner([&] { s.run(); });
    {
        plain_peer first(one.url()), second(two.url());
        EXPECT_EQ(first.ask("1"), "1");
        second.ask("");
        EXPECT_EQ(plain_peer(one.url()).receive_rest(), "");
        EXPECT_EQ(plain_peer(two.url()).receive_rest(), "");
    }
    eventually([&] { return s.stats().active == 0; }, "both have ended");
    EXPECT_EQ(plain_peer(two.url()).ask("").size(), 1U);
    s.stop();
    runner.join();
    EXPECT_EQ(s.stats().refused, 2U);
    EXPECT_EQ(s.stats().accepted, 5U);
}

/// The clients' ends of connections that are admitted as if they came from anywhere.
class admissions {
public:
    explicit admissions(const std::string& query) {
        add_services(server_.registry());
        const std::string text = "echo=tcp://127.0.0.1:0?" + query;
        listener_ = server_.state().add_listener(listen_spec(text), text, {});
    }

    admissions(const admissions&) = delete;
    admissions& operator=(const admissions&) = delete;

    ~admissions() {
        for (const int fd : clients_)
            ::close(fd);
    }

    /// Whether the connection is still open.
    bool admit(const endpoint& from) {
        std::array<int, 2> ends{};
        checked(
            ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), ""
        );
        server_.state().admit(listener_, unique_fd(ends[0]), from);
        host_.poll();
        clients_.push_back(ends[1]);
        char byte = 0;
        return ::recv(ends[1], &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN;
    }

    void close_all() {
        for (const int fd : clients_)
            ::close(fd);
        clients_.clear();
        testing::run_until(host_, [&] { return server_.stats().active == 0; });
    }

    server_stats stats() const { return server_.stats(); }

private:
    io_context host_;
    server server_{host_.get_executor(), quiet()};
    std::shared_ptr<listener_state> listener_;
    std::vector<int> clients_;
};

endpoint at(const char* address, std::uint16_t port) {
    if (std::string_view(address).find(':') == std::string_view::npos) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(port);
        checked(::inet_pton(AF_INET, address, &in.sin_addr) - 1, address);
        return {reinterpret_cast<const sockaddr*>(&in), sizeof in};
    }
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(port);
    checked(::inet_pton(AF_INET6, address, &in.sin6_addr) - 1, address);
    return {reinterpret_cast<const sockaddr*>(&in), sizeof in};
}

TEST(server_caps_test, of_one_peer) {
    admissions from("max-connections-per-peer=2");
    for (const char* address : {"198.51.100.7", "198.51.100.8", "2001:db8::7"}) {
        EXPECT_TRUE(from.admit(at(address, 1234))) << address;
        EXPECT_TRUE(from.admit(at(address, 1235))) << address;
        EXPECT_FALSE(from.admit(at(address, 1236))) << address;
    }
    EXPECT_EQ(from.stats().refused, 3U);
    from.close_all();
    EXPECT_TRUE(from.admit(at("198.51.100.7", 1234)));
}

TEST(server_caps_test, a_loopback_peer_is_never_too_many) {
    admissions from("max-connections-per-peer=1");
    for (std::uint16_t port = 1; port <= 3; ++port) {
        EXPECT_TRUE(from.admit(at("127.0.0.1", port)));
        EXPECT_TRUE(from.admit(at("127.8.9.10", port)));
        EXPECT_TRUE(from.admit(at("::1", port)));
        EXPECT_TRUE(from.admit(endpoint::unix_peer(17)));
    }
    EXPECT_EQ(from.stats().refused, 0U);
}

// ---- options

TEST(server_options_test, are_in_their_range) {
    const auto refusal = [](server_options o) -> std::string {
        std::string own, hosted;
        o.log = nullptr;
        io_context host;
        try {
            const server s(o);
        } catch (const configuration_error& e) {
            own = e.what();
        }
        try {
            const server s(host.get_executor(), o);
        } catch (const configuration_error& e) {
            hosted = e.what();
        }
        EXPECT_EQ(own, hosted);
        return own;
    };
    EXPECT_EQ(refusal({.cores = 1025}), "server_options: cores=1025: must be 0 to 1024");
    EXPECT_EQ(
        refusal({.cores = 1, .blocking_threads = 0}),
        "server_options: blocking_threads=0: must be 1 to 1024"
    );
    EXPECT_EQ(
        refusal({.cores = 1, .blocking_threads = 1025}),
        "server_options: blocking_threads=1025: must be 1 to 1024"
    );
    EXPECT_EQ(
        refusal({.cores = 1, .drain_timeout = -1ns}),
        "server_options: drain_timeout=-1ns: must be 0 or more"
    );
    EXPECT_EQ(refusal({.cores = 1, .drain_timeout = 0s, .blocking_threads = 1024}), "");
}

// ---- which core

std::map<std::string, int> spread(const std::string& url, std::size_t connections) {
    std::vector<plain_peer> peers;
    std::map<std::string, int> on;
    for (std::size_t i = 0; i < connections; ++i)
        peers.emplace_back(url);
    for (plain_peer& p : peers)
        ++on[p.ask("")];
    return on;
}

TEST(server_balance_test, is_even) {
    for (const unsigned cores : {2U, 4U}) {
        for (const std::size_t connections : {8U, 64U}) {
            loopback_server s(&add_services, "where", "", {.cores = cores});
            const auto on = spread(s.url(), connections);
            EXPECT_EQ(on.size(), cores);
            for (const auto& [core, count] : on)
                EXPECT_EQ(static_cast<std::size_t>(count), connections / cores) << core;
        }
    }
}

TEST(server_balance_test, fills_the_core_that_has_the_fewest) {
    loopback_server s(&add_services, "where", "", {.cores = 2});
    std::map<std::string, std::vector<plain_peer>> on;
    for (int i = 0; i < 8; ++i) {
        plain_peer p(s.url());
        const std::string core = p.ask("");
        on[core].push_back(std::move(p));
    }
    on["1"].clear();
    eventually([&] { return s.server().stats().active == 4; }, "core 1 is empty");
    for (int i = 0; i < 4; ++i) {
        plain_peer p(s.url());
        EXPECT_EQ(p.ask(""), "1");
        on["1"].push_back(std::move(p));
    }
}

// ---- hooks

TEST(server_hooks_test, verify_request_turns_peers_away) {
    std::mutex mutex;
    std::vector<std::string> seen;
    std::atomic<bool> welcome = false;
    listener_hooks hooks;
    hooks.verify_request = [&](const peer_info& peer) {
        const std::scoped_lock lock(mutex);
        seen.push_back(std::string(peer.service) + " " + std::string(peer.listener));
        EXPECT_TRUE(peer.remote.is_loopback());
        return welcome.load();
    };
    loopback_server s(&add_services, "echo", "framing=length-prefix", {.cores = 2}, hooks);
    plain_peer(s.url()).await_end();
    eventually([&] { return s.server().stats().refused == 1; }, "it was refused");
    EXPECT_EQ(s.server().stats().failed, 0U);
    welcome = true;
    plain_peer p(s.url());
    EXPECT_EQ(p.ask("hello"), "hello");
    EXPECT_THAT(seen, ElementsAre("echo " + s.url(), "echo " + s.url()));
    EXPECT_EQ(s.server().stats().active, 1U);
    EXPECT_THAT(s.log(), IsEmpty());
}

TEST(server_hooks_test, verify_request_may_throw) {
    listener_hooks hooks;
    hooks.verify_request = [](const peer_info&) -> bool { throw std::runtime_error("no list"); };
    loopback_server s(&add_services, "echo", "", {.cores = 1}, hooks);
    plain_peer p(s.url());
    EXPECT_EQ(p.receive_rest(), "");
    p.close();
    eventually([&] { return s.server().stats().active == 0; }, "it has ended");
    EXPECT_THAT(s.log(), ElementsAre(HasSubstr("reason=\"no list\"")));
    EXPECT_EQ(s.server().stats().failed, 1U);
}

class broken final : public stream_handler {
    task<> handle() override {
        co_await read_frame();
        throw std::out_of_range("broken");
    }
};

TEST(server_hooks_test, handle_error_gets_what_ended_a_connection) {
    std::promise<std::string> reported;
    std::atomic<int> times = 0;
    listener_hooks hooks;
    hooks.handle_error = [&](const peer_info& peer, const std::exception_ptr& error) {
        ++times;
        try {
            std::rethrow_exception(error);
        } catch (const std::out_of_range& e) {
            reported.set_value(std::string(peer.service) + " " + e.what());
        }
    };
    loopback_server s([](registry& r) { r.add<broken>("broken"); }, "broken", "", {}, hooks);
    plain_peer p(s.url());
    p.send_frame("go");
    EXPECT_EQ(p.receive_rest(), "");
    p.close();
    EXPECT_EQ(reported.get_future().get(), "broken broken");
    s.stop();
    EXPECT_EQ(times, 1);
    EXPECT_THAT(
        s.log(),
        ElementsAre(MatchesRegex(
            "connection ended peer=127.0.0.1:[0-9]+ listener=" + s.url() +
            " service=broken reason=broken"
        ))
    );
}

TEST(server_hooks_test, what_handle_error_throws_is_logged) {
    listener_hooks hooks;
    hooks.handle_error = [](const peer_info&, const std::exception_ptr&) {
        throw std::runtime_error("worse");
    };
    loopback_server s([](registry& r) { r.add<broken>("broken"); }, "broken", "", {}, hooks);
    plain_peer p(s.url());
    p.send_frame("go");
    EXPECT_EQ(p.receive_rest(), "");
    p.close();
    s.stop();
    EXPECT_THAT(
        s.log(),
        ElementsAre(
            HasSubstr("reason=broken"),
            AllOf(StartsWith("handle_error failed"), HasSubstr("reason=worse"))
        )
    );
}

TEST(server_hooks_test, a_handlers_error_disturbs_nobody_else) {
    const auto add = [](registry& r) {
        r.add("fail-on-demand", [](frame_stream& stream) -> task<> {
            while (auto f = co_await stream.read_frame()) {
                if (f->text() == "fail")
                    throw std::runtime_error("as asked");
                co_await stream.write_frame(*f);
            }
        });
    };
    loopback_server s(add, "fail-on-demand", "", {.cores = 2});
    std::vector<plain_peer> peers;
    for (int i = 0; i < 8; ++i)
        peers.emplace_back(s.url());
    for (int i = 0; i < 8; i += 2)
        peers[i].send_frame("fail");
    for (int i = 0; i < 8; i += 2)
        EXPECT_EQ(peers[i].receive_rest(), "");
    for (int i = 1; i < 8; i += 2)
        EXPECT_EQ(peers[i].ask("fine"), "fine");
    EXPECT_THAT(s.log(), SizeIs(4));
}

// ---- stats

TEST(server_stats_test, count_connections) {
    loopback_server s(&add_services, "echo", "max-frame=10", {.cores = 2});
    EXPECT_EQ(s.server().stats().accepted, 0U);
    plain_peer good(s.url()), bad(s.url());
    EXPECT_EQ(good.ask("hello"), "hello");
    bad.send_frame("much too long");
    EXPECT_EQ(bad.receive_rest(), "");
    bad.close();
    eventually([&] { return s.server().stats().active == 1; }, "one has ended");
    const server_stats stats = s.server().stats();
    EXPECT_EQ(stats.accepted, 2U);
    EXPECT_EQ(stats.failed, 1U);
    EXPECT_EQ(stats.refused, 0U);
}

// ---- state

TEST(server_state_test, is_one_object_a_core) {
    class counter final : public stream_handler {
    public:
        explicit counter(const core_local<int>& n) : count_(n) {}

    private:
        task<> handle() override {
            while (auto f = co_await read_frame())
                ++*count_;
        }

        core_local<int> count_;
    };
    server s(quiet(2));
    const core_local<int> count(s.cores());
    s.registry().add<counter>("count", count);
    const auto at = s.listen("count=tcp://127.0.0.1:0");
    std::thread runner([&] { s.run(); });
    {
        std::vector<plain_peer> peers;
        for (int i = 0; i < 8; ++i)
            peers.emplace_back(at.url());
        // The core with the fewest takes the next: none may have ended by then.
        eventually([&] { return s.stats().active == 8; }, "all are there");
        for (plain_peer& p : peers) {
            p.send_frame("one");
            p.send_frame("two");
            p.finish();
        }
        for (plain_peer& p : peers)
            p.receive_rest();
    }
    s.stop();
    runner.join();
    std::vector<int> counts;
    count.all([&](int n) { counts.push_back(n); });
    EXPECT_THAT(counts, ElementsAre(8, 8));
}

// ---- the end of a server that never ran, or ran long ago

TEST(server_end_test, without_run) {
    std::string url;
    {
        server s(quiet(2));
        add_services(s.registry());
        s.every(1s, [] {});
        url = s.listen("echo=tcp://127.0.0.1:0").url();
        EXPECT_NO_THROW(plain_peer{url});
    }
    EXPECT_THROW(plain_peer{url}, std::system_error);
}

/// Those that still run are cancelled.
TEST(server_end_test, after_a_drain_that_was_cut_short) {
    const auto held = std::make_shared<const int>();
    class holder final : public stream_handler {
    public:
        explicit holder(const std::shared_ptr<const int>& h) : held_(h) {}

    private:
        task<> handle() override {
            tasks().spawn(&holder::wait, this);
            co_await sleep(24h);
        }

        task<> finish() override { co_await sleep(24h); }

        task<> wait() { co_await sleep(24h); }

        std::shared_ptr<const int> held_;
    };
    {
        server s({.cores = 2, .drain_timeout = 1ms, .log = [](const log_record&) {}});
        s.registry().add<holder>("hold", held);
        const auto at = s.listen("hold=tcp://127.0.0.1:0");
        std::thread runner([&] { s.run(); });
        plain_peer p(at.url()), q(at.url());
        eventually([&] { return s.stats().active == 2; }, "both are there");
        s.stop();
        runner.join();
    }
    EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace coserve
