#include "host_names.hpp"
#include "plain_peer.hpp"

#include <coserve/server.hpp>
#include <coserve/testing/run_coroutine.hpp>

#include <boost/asio/co_spawn.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <string>
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
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

class echo final : public stream_handler {
    task<> handle() override {
        while (auto f = co_await read_frame())
            co_await write_frame(*f);
    }
};

/// A server on the test's own context: nothing happens but when the test lets it.
class listen_test : public ::testing::Test {
protected:
    listen_test() { restart(); }

    void restart() {
        server_.reset();
        server_.emplace(host_.get_executor(), server_options{.log = [this](const log_record& r) {
                            log_.push_back(log_text(r));
                        }});
        server_->registry().add<echo>("echo");
    }

    std::vector<std::string> listen(const std::string& url) {
        return server_->listen("echo=" + url).urls();
    }

    void serve() {
        asio::co_spawn(host_, server_->serve(), [](std::exception_ptr) {});
    }

    void until(const std::function<bool()>& done) { testing::run_until(host_, done); }

    void settle() {
        host_.restart();
        host_.poll();
    }

    /// The error that listening ends with.
    std::pair<error_code, std::string> refusal(const std::string& url) {
        try {
            listen(url);
        } catch (const system_error& e) {
            return {e.code(), e.what()};
        }
        return {{}, "none"};
    }

    std::string answer(const std::string& url) {
        plain_peer p(url);
        p.send_frame("hello");
        until([&] { return p.readable(); });
        return p.receive_frame();
    }

    io_context host_{1};
    std::vector<std::string> log_;
    std::optional<server> server_;
};

const std::string in_use = "Address already in use";

std::string port_of(const std::string& url) {
    return url.substr(url.rfind(':') + 1);
}

bool has_ipv6() {
    const int probe = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in6 loopback{};
    loopback.sin6_family = AF_INET6;
    loopback.sin6_addr = in6addr_loopback;
    const bool bound =
        probe >= 0 && ::bind(probe, reinterpret_cast<sockaddr*>(&loopback), sizeof loopback) == 0;
    if (probe >= 0)
        ::close(probe);
    return bound;
}

// ---- TCP

TEST_F(listen_test, on_port_zero_takes_a_free_one) {
    const auto one = listen("tcp://127.0.0.1:0"), two = listen("tcp://127.0.0.1:0");
    EXPECT_THAT(one, ElementsAre(MatchesRegex("tcp://127\\.0\\.0\\.1:[1-9][0-9]*")));
    EXPECT_NE(one, two);
    serve();
    EXPECT_EQ(answer(one[0]), "hello");
    EXPECT_EQ(answer(two[0]), "hello");
}

TEST_F(listen_test, leaves_the_query_out_of_its_url) {
    EXPECT_THAT(
        listen("tcp://127.0.0.1:0?framing=raw&max-frame=1MiB")[0],
        MatchesRegex("tcp://127\\.0\\.0\\.1:[0-9]*")
    );
}

TEST_F(listen_test, refuses_a_port_that_is_taken) {
    const std::string url = listen("tcp://127.0.0.1:0")[0];
    const auto [code, what] = refusal(url);
    EXPECT_EQ(code, boost::system::errc::address_in_use);
    EXPECT_THAT(what, AllOf(HasSubstr(url), HasSubstr(in_use)));
    serve();
    EXPECT_EQ(answer(url), "hello") << "the first is not disturbed";
}

/// Connections of the one before are in TIME_WAIT.
TEST_F(listen_test, takes_the_port_of_a_server_that_has_ended) {
    const std::string url = listen("tcp://127.0.0.1:0")[0];
    serve();
    plain_peer p(url);
    until([&] { return server_->stats().active == 1; });
    server_->stop();
    until([&] { return p.readable(); });
    p.close();
    until([&] { return server_->stats().active == 0; });
    restart();
    EXPECT_THAT(listen(url), ElementsAre(url));
}

TEST_F(listen_test, names_an_address_that_is_not_this_machines) {
    const auto [code, what] = refusal("tcp://198.51.100.1:0");
    EXPECT_EQ(code, boost::system::errc::address_not_available);
    EXPECT_THAT(what, HasSubstr("tcp://198.51.100.1:0"));
}

TEST_F(listen_test, names_a_host_that_is_not_there) {
    const auto [code, what] = refusal("tcp://no-such-host.invalid:0");
    EXPECT_TRUE(code);
    EXPECT_THAT(what, HasSubstr("no-such-host.invalid"));
}

TEST_F(listen_test, on_ipv6) {
    if (!has_ipv6())
        GTEST_SKIP() << "there is no IPv6 here";
    const std::string url = listen("tcp://[::1]:0")[0];
    EXPECT_THAT(url, MatchesRegex("tcp://\\[::1\\]:[1-9][0-9]*"));
    // IPv4 is another listener's, also where IPv6 means any address.
    const std::string any = listen("tcp://[::]:0")[0];
    EXPECT_EQ(refusal("tcp://0.0.0.0:" + port_of(any)).second, "none");
    serve();
    EXPECT_EQ(answer(url), "hello");
}

// ---- names

TEST_F(listen_test, on_localhost) {
    for (const std::string& url : listen("tcp://localhost:0")) {
        EXPECT_THAT(url, MatchesRegex("tcp://(127\\.0\\.0\\.1|\\[::1\\]):[1-9][0-9]*"));
        serve();
        EXPECT_EQ(answer(url), "hello");
        restart();
    }
}

TEST_F(listen_test, on_every_address_of_a_name) {
    const auto urls = listen("tcp://" + std::string(two_addresses) + ":0");
    ASSERT_THAT(urls, SizeIs(2));
    EXPECT_EQ(urls[0], "tcp://127.0.0.1:" + port_of(urls[0]));
    EXPECT_EQ(urls[1], "tcp://127.0.0.2:" + port_of(urls[0])) << "on the same port";
    serve();
    EXPECT_EQ(answer(urls[0]), "hello");
    EXPECT_EQ(answer(urls[1]), "hello");
}

TEST_F(listen_test, on_both_families_of_a_name) {
    if (!has_ipv6())
        GTEST_SKIP() << "there is no IPv6 here";
    const auto urls = listen("tcp://" + std::string(both_families) + ":0");
    ASSERT_THAT(urls, SizeIs(2));
    EXPECT_EQ(urls[1], "tcp://[::1]:" + port_of(urls[0]));
    serve();
    EXPECT_EQ(answer(urls[1]), "hello");
}

TEST_F(listen_test, once_on_an_address_that_a_name_has_twice) {
    EXPECT_THAT(listen("tcp://" + std::string(same_address) + ":0"), SizeIs(1));
}

TEST_F(listen_test, leaves_out_addresses_that_this_machine_does_not_have) {
    EXPECT_THAT(
        listen("tcp://" + std::string(partly_absent) + ":0"),
        ElementsAre(MatchesRegex("tcp://127\\.0\\.0\\.1:[1-9][0-9]*"))
    );
    const auto [code, what] = refusal("tcp://" + std::string(wholly_absent) + ":0");
    EXPECT_EQ(code, boost::system::errc::address_not_available);
}

TEST_F(listen_test, on_all_addresses_or_none) {
    const std::string taken = listen("tcp://127.0.0.2:0")[0];
    const std::string port = port_of(taken);
    const auto [code, what] = refusal("tcp://" + std::string(two_addresses) + ":" + port);
    EXPECT_EQ(code, boost::system::errc::address_in_use);
    EXPECT_THAT(what, HasSubstr("tcp://127.0.0.2:" + port));
    EXPECT_EQ(refusal("tcp://127.0.0.1:" + port).second, "none") << "it was given back";
}

// ---- Unix sockets

class listen_unix_test : public listen_test {
protected:
    std::string path() const { return directory_ / "x.sock"; }

    std::string url() const { return "unix:" + path(); }

    const temporary_directory directory_;
};

TEST_F(listen_unix_test, serves_and_leaves_nothing_behind) {
    EXPECT_THAT(listen(url()), ElementsAre(url()));
    serve();
    EXPECT_EQ(answer(url()), "hello");
    EXPECT_TRUE(std::filesystem::is_socket(path()));
    server_->stop();
    until([&] { return server_->stats().active == 0; });
    settle();
    EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(listen_unix_test, leaves_nothing_behind_where_it_never_served) {
    listen(url());
    server_.reset();
    EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(listen_unix_test, takes_the_place_of_a_stale_socket) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    const int dead = checked(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    checked(::bind(dead, reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
    ::close(dead);
    ASSERT_TRUE(std::filesystem::is_socket(path()));
    listen(url());
    serve();
    EXPECT_EQ(answer(url()), "hello");
}

TEST_F(listen_unix_test, refuses_where_another_listens) {
    listen(url());
    const auto [code, what] = refusal(url());
    EXPECT_EQ(code, boost::system::errc::address_in_use);
    EXPECT_THAT(what, AllOf(HasSubstr(url()), HasSubstr(in_use)));
    serve();
    EXPECT_EQ(answer(url()), "hello") << "the first is not disturbed";
}

TEST_F(listen_unix_test, refuses_what_is_no_socket) {
    std::ofstream(path()) << "precious";
    const auto [code, what] = refusal(url());
    EXPECT_EQ(code, boost::system::errc::address_in_use);
    EXPECT_THAT(what, AllOf(HasSubstr(path()), HasSubstr("not a socket")));
    std::ifstream file(path());
    std::string content;
    file >> content;
    EXPECT_EQ(content, "precious");
}

TEST_F(listen_unix_test, names_a_directory_that_is_not_there) {
    const std::string missing = "unix:" + directory_ / "missing/x.sock";
    const auto [code, what] = refusal(missing);
    EXPECT_EQ(code, boost::system::errc::no_such_file_or_directory);
    EXPECT_THAT(what, HasSubstr(missing));
}

/// The next server may take the path as soon as the last one gave it up, and must keep it.
TEST_F(listen_unix_test, a_successor_keeps_its_path) {
    listen(url());
    server_.reset();
    restart();
    listen(url());
    settle();
    EXPECT_TRUE(std::filesystem::is_socket(path()));
}

// ---- accepting

/// The server's ends of all connections, found by what they are connected to.
std::vector<int> accepted_sockets(const plain_peer& peer) {
    sockaddr_in client{};
    socklen_t size = sizeof client;
    ::getsockname(peer.native_handle(), reinterpret_cast<sockaddr*>(&client), &size);
    std::vector<int> found;
    for (int fd = 0; fd < 4096; ++fd) {
        sockaddr_in other{};
        size = sizeof other;
        if (::getpeername(fd, reinterpret_cast<sockaddr*>(&other), &size) == 0 &&
            other.sin_family == AF_INET && other.sin_port == client.sin_port)
            found.push_back(fd);
    }
    return found;
}

int option(int fd, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    ::getsockopt(fd, level, name, &value, &size);
    return value;
}

TEST_F(listen_test, sets_up_its_connections) {
    const std::string url = listen("tcp://127.0.0.1:0")[0];
    serve();
    plain_peer p(url);
    until([&] { return server_->stats().active == 1; });
    const auto sockets = accepted_sockets(p);
    ASSERT_THAT(sockets, SizeIs(1));
    const int fd = sockets[0];
    EXPECT_NE(option(fd, IPPROTO_TCP, TCP_NODELAY), 0);
    EXPECT_NE(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
    EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 60);
    EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 10);
    EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(listen_test, accepts_more_than_one_turns_worth) {
    const std::string url = listen("tcp://127.0.0.1:0")[0];
    std::vector<plain_peer> peers;
    for (int i = 0; i < 300; ++i)
        peers.emplace_back(url);
    serve();
    until([&] { return server_->stats().active == 300; });
    EXPECT_EQ(server_->stats().accepted, 300U);
}

TEST_F(listen_test, accepts_those_who_have_gone) {
    const std::string url = listen("tcp://127.0.0.1:0")[0];
    for (int i = 0; i < 20; ++i)
        plain_peer(url).reset();
    plain_peer p(url);
    serve();
    p.send_frame("hello");
    until([&] { return p.readable(); });
    EXPECT_EQ(p.receive_frame(), "hello");
    until([&] { return server_->stats().active == 1; });
}

/// A read stops at an urgent byte, whatever stands behind it.
TEST_F(listen_test, reads_past_an_urgent_byte) {
    const std::string url = listen("tcp://127.0.0.1:0?framing=raw")[0];
    plain_peer p(url);
    serve();
    until([&] { return server_->stats().active == 1; });
    ASSERT_EQ(::send(p.native_handle(), "ab!", 3, MSG_OOB), 3);
    ASSERT_EQ(::send(p.native_handle(), "cd", 2, 0), 2);
    std::string got;
    until([&] {
        while (p.readable())
            got += p.receive(1);
        return got.size() >= 4;
    });
    EXPECT_EQ(got, "abcd");
}

/// Out of descriptors: it says so once, waits, and goes on when there are some again.
TEST(listen_full_test, backs_off_and_recovers) {
    const auto work = []() -> int {
        io_context host(1);
        std::vector<std::string> log;
        const auto note = [&](const log_record& r) { log.push_back(log_text(r)); };
        server s(host.get_executor(), {.log = note});
        s.registry().add<echo>("echo");
        const std::string url = s.listen("echo=tcp://127.0.0.1:0").url();
        asio::co_spawn(host, s.serve(), [](std::exception_ptr) {});
        host.poll();
        plain_peer before(url);
        testing::run_until(host, [&] { return s.stats().active == 1; });

        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        const rlimit old = limit;
        for (int series = 1; series <= 2; ++series) {
            plain_peer one(url), two(url), three(url);
            limit.rlim_cur = static_cast<rlim_t>(three.native_handle()) + 1;
            if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
                return 2;
            // It tries again every 100 ms: a hundred times that would be a busy loop.
            host.restart();
            const std::size_t turns = host.run_for(350ms);
            if (s.stats().active != 1)
                return 3;
            if (log.size() != static_cast<std::size_t>(series))
                return 4;
            if (turns > 100)
                return 5;
            before.send_frame("hello");
            testing::run_until(host, [&] { return before.readable(); });
            if (before.receive_frame() != "hello")
                return 6;
            if (::setrlimit(RLIMIT_NOFILE, &old) != 0)
                return 7;
            testing::run_until(host, [&] { return s.stats().active == 4; });
            one.close();
            two.close();
            three.close();
            testing::run_until(host, [&] { return s.stats().active == 1; });
        }
        const bool named = log[0] == "cannot accept, trying again listener=" + url +
                                         " reason=\"Too many open files\"";
        return named ? 0 : 8;
    };
    EXPECT_EQ(in_child(work), 0);
}

}  // namespace
}  // namespace coserve
