#include "datagram_peer.hpp"
#include "host_names.hpp"

#include <coserve/server.hpp>
#include <coserve/testing/run_coroutine.hpp>

#include <boost/asio/co_spawn.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace coserve {
namespace {

using namespace std::chrono_literals;
using namespace server_check;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

class echo final : public datagram_handler {
    void handle(const datagram& d) override { reply(d, d.data); }
};

class streams final : public stream_handler {
    task<> handle() override { co_return; }
};

void add_services(registry& r) {
    r.add<echo>("echo");
    r.add<streams>("streams");
}

/// On cores of its own, in a thread of the test's.
class running_server {
public:
    explicit running_server(
        const std::function<void(registry&)>& add, server_options options = {.cores = 2}
    )
        : server_(with_log(std::move(options))) {
        add(server_.registry());
    }

    ~running_server() { stop(); }

    std::vector<std::string> listen(const std::string& text, listener_hooks hooks = {}) {
        return server_.listen(text, std::move(hooks)).urls();
    }

    void start() {
        thread_ = std::thread([this] { server_.run(); });
    }

    void stop() {
        server_.stop();
        if (thread_.joinable())
            thread_.join();
    }

    server& get() { return server_; }

    std::vector<std::string> log() const {
        const std::scoped_lock lock(mutex_);
        return log_;
    }

private:
    server_options with_log(server_options o) {
        o.log = [this](const log_record& r) {
            const std::scoped_lock lock(mutex_);
            log_.push_back(log_text(r));
        };
        return o;
    }

    mutable std::mutex mutex_;
    std::vector<std::string> log_;
    server server_;
    std::thread thread_;
};

std::pair<error_code, std::string> refusal(server& s, const std::string& text) {
    try {
        s.listen(text);
    } catch (const system_error& e) {
        return {e.code(), e.what()};
    } catch (const configuration_error& e) {
        return {{}, e.what()};
    }
    return {{}, "none"};
}

bool has_ipv6() {
    try {
        const datagram_peer probe("udp://[::1]:1");
        return true;
    } catch (const std::system_error&) {
        return false;
    }
}

// ---- binding

TEST(datagram_listen_test, takes_one_free_port_for_all_cores) {
    running_server s(&add_services, {.cores = 4});
    const auto urls = s.listen("echo=udp://127.0.0.1:0");
    ASSERT_THAT(urls, ElementsAre(MatchesRegex("udp://127\\.0\\.0\\.1:[1-9][0-9]*")));
    s.start();
    std::vector<datagram_peer> peers;
    for (int i = 0; i < 40; ++i)
        peers.emplace_back(urls[0]);
    for (datagram_peer& p : peers)
        EXPECT_EQ(p.ask("hello"), "hello");
}

TEST(datagram_listen_test, refuses_a_port_that_another_has) {
    running_server first(&add_services), second(&add_services);
    const auto urls = first.listen("echo=udp://127.0.0.1:0");
    const auto [error, text] = refusal(second.get(), "echo=" + urls[0]);
    EXPECT_EQ(error, boost::system::errc::address_in_use);
    EXPECT_THAT(text, HasSubstr(urls[0]));
    EXPECT_EQ(refusal(first.get(), "echo=" + urls[0]).first, boost::system::errc::address_in_use);
}

TEST(datagram_listen_test, refuses_a_port_whose_owner_would_share_it) {
    const int other = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(other, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const generic = reinterpret_cast<sockaddr*>(&at);
    checked(::bind(other, generic, sizeof at), "bind");
    socklen_t size = sizeof at;
    ::getsockname(other, generic, &size);
    running_server s(&add_services);
    const std::string url = "udp://127.0.0.1:" + std::to_string(ntohs(at.sin_port));
    EXPECT_EQ(refusal(s.get(), "echo=" + url).first, boost::system::errc::address_in_use);
    ::close(other);
}

TEST(datagram_listen_test, shares_a_port_number_with_tcp) {
    running_server s([](registry& r) {
        add_services(r);
        r.add("both", [](datagram_port& p, const datagram& d) { p.reply(d, "datagram"); });
        r.add("both", [](frame_stream& stream) -> task<> {
            co_await stream.write_frame("stream");
        });
    });
    std::vector<std::string> udp, tcp;
    for (int tries = 0; tcp.empty() && tries < 20; ++tries) {  // somebody may have that of TCP
        udp = s.listen("both=udp://127.0.0.1:0");
        try {
            tcp = s.listen("both=tcp://127.0.0.1" + udp[0].substr(udp[0].rfind(':')));
        } catch (const system_error& e) {
            ASSERT_EQ(e.code(), boost::system::errc::address_in_use);
        }
    }
    ASSERT_FALSE(tcp.empty());
    s.start();
    EXPECT_EQ(datagram_peer(udp[0]).ask("?"), "datagram");
    EXPECT_EQ(plain_peer(tcp[0]).receive_frame(), "stream");
}

TEST(datagram_listen_test, listens_on_every_address_of_a_name) {
    running_server s(&add_services);
    const auto urls = s.listen(std::string("echo=udp://") + two_addresses + ":0");
    ASSERT_THAT(urls, SizeIs(2));
    EXPECT_EQ(urls[0].substr(urls[0].rfind(':')), urls[1].substr(urls[1].rfind(':')));
    s.start();
    for (const std::string& url : urls)
        EXPECT_EQ(datagram_peer(url).ask(url), url);
}

TEST(datagram_listen_test, says_what_is_wrong) {
    running_server s(&add_services);
    const auto says = [&](const std::string& text) { return refusal(s.get(), text).second; };
    EXPECT_THAT(
        says("streams=udp://127.0.0.1:0"), AllOf(HasSubstr("\"streams\""), HasSubstr("use tcp://"))
    );
    EXPECT_THAT(
        says("echo=tcp://127.0.0.1:0"), AllOf(HasSubstr("\"echo\""), HasSubstr("use udp://"))
    );
    EXPECT_THAT(says("echo=unix:x.sock"), HasSubstr("use udp://"));
    EXPECT_THAT(says("ecko=udp://127.0.0.1:0"), HasSubstr("the known ones are echo, streams"));
    EXPECT_THAT(
        says("echo=udp://127.0.0.1:0?framing=raw"),
        AllOf(HasSubstr("framing"), HasSubstr("max-datagram"))
    );
    EXPECT_THAT(says("echo=udp://127.0.0.1:0?max-datagram=0"), HasSubstr("max-datagram=0"));
    EXPECT_THAT(says("echo=udp://127.0.0.1:0?max-datagram=65508"), HasSubstr("max-datagram=65508"));
    EXPECT_THAT(says("echo=udp://127.0.0.1:0?send-queue=1"), HasSubstr("send-queue=1"));
    EXPECT_EQ(
        refusal(s.get(), "echo=udp://198.51.100.1:0").first,
        boost::system::errc::address_not_available
    );
}

TEST(datagram_listen_test, check_binds_nothing) {
    running_server s(&add_services);
    const auto urls = s.listen("echo=udp://127.0.0.1:0");
    EXPECT_NO_THROW(s.get().check("echo=" + urls[0] + "?max-datagram=1200"));
    EXPECT_THROW(s.get().check("streams=" + urls[0]), configuration_error);
    EXPECT_THROW(s.get().check("echo=" + urls[0] + "?mx-datagram=1"), configuration_error);
}

TEST(datagram_listen_test, one_name_is_of_one_service_of_each_kind) {
    registry r;
    r.add<echo>("echo");
    EXPECT_THROW(r.add<echo>("echo"), configuration_error);
    EXPECT_NO_THROW(r.add<streams>("echo"));
    EXPECT_THROW(r.add<streams>("echo"), configuration_error);
    EXPECT_THAT(r.names(), ElementsAre("echo"));
}

// ---- receiving

TEST(datagram_listen_test, takes_datagrams_of_every_size) {
    running_server s(&add_services);
    const auto urls = s.listen("echo=udp://127.0.0.1:0");
    s.start();
    datagram_peer p(urls[0]);
    for (const std::size_t size : {0U, 1U, 1024U, 1200U, 1201U, 9000U, 65'506U, 65'507U}) {
        const std::string text = pattern(size);
        EXPECT_EQ(p.ask(text), text) << size;
    }
}

TEST(datagram_listen_test, cuts_what_is_longer_than_it_takes_and_knows_it) {
    running_server s([](registry& r) {
        r.add("size", [](datagram_port& p, const datagram& d) {
            p.reply(d, std::to_string(d.data.size()) + (d.truncated ? " cut" : ""));
        });
    });
    const auto urls = s.listen("size=udp://127.0.0.1:0?max-datagram=1200");
    s.start();
    datagram_peer p(urls[0]);
    EXPECT_EQ(p.ask(std::string(1200, 'x')), "1200");
    EXPECT_EQ(p.ask(std::string(1201, 'x')), "1200 cut");
    EXPECT_EQ(p.ask(std::string(65'507, 'x')), "1200 cut");
    EXPECT_EQ(p.ask(""), "0");
    EXPECT_EQ(s.get().stats().datagrams.truncated, 2U);
}

TEST(datagram_listen_test, replies_from_the_address_that_was_asked) {
    running_server s([](registry& r) {
        r.add("where", [](datagram_port& p, const datagram& d) {
            p.reply(d, d.local.to_string());
        });
    });
    const auto urls = s.listen("where=udp://0.0.0.0:0");
    s.start();
    const std::string port = urls[0].substr(urls[0].rfind(':'));
    for (const std::string address : {"127.0.0.1", "127.0.0.2", "127.9.9.9"}) {
        datagram_peer p("udp://" + address + port, "127.0.0.1");
        EXPECT_EQ(p.ask("?"), address + port);
        EXPECT_EQ(p.sender.to_string(), address + port);
    }
}

TEST(datagram_listen_test, sends_to_many_from_the_address_that_it_is_told) {
    running_server s([](registry& r) {
        r.add("twice", [](datagram_port& p, const datagram& d) {
            const std::vector<endpoint> to{d.sender, d.sender};
            p.send(to, d.data, d.local);
        });
    });
    const auto urls = s.listen("twice=udp://0.0.0.0:0");
    s.start();
    const std::string port = urls[0].substr(urls[0].rfind(':'));
    for (const std::string address : {"127.0.0.1", "127.0.0.2", "127.9.9.9"}) {
        datagram_peer p("udp://" + address + port, "127.0.0.1");
        EXPECT_EQ(p.ask("hello"), "hello");
        EXPECT_EQ(p.sender.to_string(), address + port);
        p.sender = {};
        EXPECT_EQ(p.receive(), "hello");
        EXPECT_EQ(p.sender.to_string(), address + port);
    }
}

TEST(datagram_listen_test, speaks_ipv6_and_nothing_else_there) {
    if (!has_ipv6())
        GTEST_SKIP() << "no IPv6 here";
    running_server s([](registry& r) {
        r.add("where", [](datagram_port& p, const datagram& d) {
            p.reply(d, d.sender.address() + " to " + d.local.to_string());
        });
    });
    const auto one = s.listen("where=udp://[::1]:0");
    const auto any = s.listen("where=udp://[::]:0");
    // The same port of IPv4 is another's to take.
    const auto four = s.listen("where=udp://0.0.0.0" + any[0].substr(any[0].rfind(':')));
    s.start();
    EXPECT_EQ(datagram_peer(one[0]).ask(""), "::1 to " + one[0].substr(6));
    const std::string port = any[0].substr(any[0].rfind(':'));
    EXPECT_EQ(datagram_peer("udp://[::1]" + port).ask(""), "::1 to [::1]" + port);
    EXPECT_EQ(datagram_peer("udp://127.0.0.1" + port).ask(""), "127.0.0.1 to 127.0.0.1" + port);
}

// ---- cores

std::atomic<int> set_up, finished;
std::mutex cores_mutex;
std::set<std::thread::id> threads_seen;

class on_each_core final : public datagram_handler {
    void setup() override { ++set_up; }

    void handle(const datagram& d) override {
        {
            const std::scoped_lock lock(cores_mutex);
            threads_seen.insert(std::this_thread::get_id());
        }
        if (d.data.text() == "members") {
            reply(d, std::to_string(members_.size()));
            return;
        }
        members_.push_back(d.sender);
        on_other_cores(*this, [who = d.sender](on_each_core& there) {
            there.members_.push_back(who);
            there.send(there.members_, "joined");
        });
        send(members_, "joined");
    }

    void finish() override { ++finished; }

    std::vector<endpoint> members_;
};

TEST(datagram_listen_test, every_core_has_its_handler_and_they_speak_to_each_other) {
    set_up = finished = 0;
    threads_seen.clear();
    running_server s(
        [](registry& r) { r.add<on_each_core>("room"); }, {.cores = 3, .drain_timeout = 120s}
    );
    const auto urls = s.listen("room=udp://127.0.0.1:0");
    s.start();
    std::vector<datagram_peer> peers;
    for (int i = 0; i < 24; ++i) {
        peers.emplace_back(urls[0]);
        peers.back().send("join");
        // Each that is there hears of it from every core: one notice from each of the three.
        for (datagram_peer& p : peers)
            for (int core = 0; core < 3; ++core)
                ASSERT_EQ(p.receive(), "joined");
    }
    EXPECT_EQ(set_up, 3);
    s.stop();
    EXPECT_EQ(threads_seen.size(), 3U) << "the kernel spreads 24 peers over 3 cores";
    EXPECT_EQ(finished, 3);
    EXPECT_THAT(s.log(), IsEmpty());
}

// ---- the network's errors

std::atomic<int> refusals;

class tells_refusals final : public datagram_handler {
    void handle(const datagram& d) override { reply(d, d.data); }

    void unreachable(const endpoint&, const error_code& why) override {
        refusals += why == boost::system::errc::connection_refused ? 1 : 1000;
    }
};

TEST(datagram_listen_test, a_peer_that_closed_its_socket_ends_nothing) {
    refusals = 0;
    running_server s([](registry& r) { r.add<tells_refusals>("echo"); }, {.cores = 1});
    const auto urls = s.listen("echo=udp://127.0.0.1:0");
    s.start();
    datagram_peer stays(urls[0]);
    EXPECT_EQ(stays.ask("before"), "before");
    for (int i = 0; i < 100; ++i) {
        datagram_peer(urls[0]).send("and gone");
        EXPECT_EQ(stays.ask("between"), "between");
    }
    eventually([] { return refusals > 0; }, "the kernel tells of closed ports");
    EXPECT_LE(refusals, 100);
    EXPECT_GT(s.get().stats().datagrams.unreachable, 0U);
    EXPECT_EQ(s.get().stats().datagrams.received, 201U);
    EXPECT_EQ(stays.ask("after"), "after");
    s.stop();
    EXPECT_THAT(s.log(), IsEmpty());
}

TEST(datagram_listen_test, counts_what_the_kernel_refuses_to_send) {
    running_server s([](registry& r) {
        r.add("far", [](datagram_port& p, const datagram& d) {
            p.send(endpoint::ip("255.255.255.255", 9), "a broadcast, which nobody allowed");
            p.reply(d, d.data);
        });
    });
    const auto urls = s.listen("far=udp://127.0.0.1:0");
    s.start();
    datagram_peer p(urls[0]);
    EXPECT_EQ(p.ask("still"), "still");
    eventually([&] { return s.get().stats().datagrams.failed == 1; }, "it is counted");
}

// ---- hooks

TEST(datagram_listen_test, a_hook_turns_peers_away) {
    running_server s(&add_services, {.cores = 1});
    listener_hooks hooks;
    hooks.verify_request = [](const peer_info& p) { return p.remote.address() == "127.0.0.1"; };
    const auto urls = s.listen("echo=udp://127.0.0.1:0", std::move(hooks));
    s.start();
    datagram_peer stranger(urls[0], "127.0.0.3"), friendly(urls[0]);
    stranger.send("let me in");
    EXPECT_EQ(friendly.ask("hello"), "hello");
    EXPECT_FALSE(stranger.readable());
    EXPECT_EQ(s.get().stats().datagrams.refused, 1U);
}

TEST(datagram_listen_test, a_hook_hears_of_errors) {
    std::atomic<int> heard = 0;
    running_server s(
        [](registry& r) {
            r.add("bad", [](datagram_port&, const datagram&) { throw std::runtime_error("bad"); });
        },
        {.cores = 1}
    );
    listener_hooks hooks;
    hooks.handle_error = [&](const peer_info& p, const std::exception_ptr&) {
        heard += p.remote.address() == "127.0.0.1" && p.service == "bad" ? 1 : 1000;
    };
    const auto urls = s.listen("bad=udp://127.0.0.1:0", std::move(hooks));
    s.start();
    datagram_peer p(urls[0]);
    p.send("1");
    p.send("2");
    eventually([&] { return heard == 2; }, "the hook is called twice");
}

// ---- drain

/// On the test's own context: nothing happens but when the test lets it.
TEST(datagram_drain_test, handles_what_had_arrived_and_nothing_later) {
    io_context host{1};
    server s(host.get_executor());
    s.registry().add<echo>("echo");
    const std::string url = s.listen("echo=udp://127.0.0.1:0").url();
    asio::co_spawn(host, s.serve(), [](std::exception_ptr) {});
    datagram_peer p(url);
    p.send("ready");
    testing::run_until(host, [&] { return p.readable(); });
    EXPECT_EQ(p.receive(), "ready");
    for (int i = 0; i < 100; ++i)
        p.send(std::to_string(i));
    s.stop();
    testing::run_until(host, [&] { return host.stopped() || host.poll() == 0; });
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(p.receive(), std::to_string(i));
    EXPECT_EQ(s.stats().datagrams.sent, 101U);
    try {
        p.send("too late");
    } catch (const std::system_error&) {  // its port is nobody's
    }
    EXPECT_FALSE(p.readable());
}

TEST(datagram_drain_test, ends_while_peers_go_on_sending) {
    running_server s(&add_services, {.cores = 2, .drain_timeout = 120s});
    const auto urls = s.listen("echo=udp://127.0.0.1:0");
    s.start();
    EXPECT_EQ(datagram_peer(urls[0]).ask("ready"), "ready");
    std::atomic<bool> over = false;
    std::thread flood([&] {
        datagram_peer p(urls[0]);
        while (!over) {
            try {
                p.send("more");
            } catch (const std::system_error&) {
            }
        }
    });
    s.stop();
    over = true;
    flood.join();
    EXPECT_THAT(s.log(), IsEmpty());
}

TEST(datagram_drain_test, a_server_destroyed_without_running_leaves_nothing) {
    std::string url;
    {
        running_server s(&add_services);
        url = s.listen("echo=udp://127.0.0.1:0")[0];
    }
    running_server again(&add_services);
    EXPECT_THAT(again.listen("echo=" + url), ElementsAre(url));
}

TEST(datagram_drain_test, server_and_context_are_destroyed_in_either_order) {
    for (const bool server_first : {true, false}) {
        auto host = std::make_unique<io_context>(1);
        auto s = std::make_unique<server>(host->get_executor());
        s->registry().add<echo>("echo");
        const std::string url = s->listen("echo=udp://127.0.0.1:0").url();
        asio::co_spawn(*host, s->serve(), [](std::exception_ptr) {});
        datagram_peer p(url);
        p.send("x");
        testing::run_until(*host, [&] { return p.readable(); });
        if (server_first) {
            s.reset();
            host->restart();
            host->poll();
            host.reset();
        } else {
            host.reset();
            s.reset();
        }
    }
}

}  // namespace
}  // namespace coserve
