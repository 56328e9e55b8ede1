#include "datagram_peer.hpp"

#include <coserve/datagram_socket.hpp>
#include <coserve/server.hpp>
#include <coserve/testing/memory_datagrams.hpp>
#include <coserve/testing/run_coroutine.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>

namespace coserve {
namespace {

using namespace std::chrono_literals;
using namespace server_check;
using ::testing::HasSubstr;
using testing::run_coroutine;

/// A plain socket that a client speaks with.
int bound_socket(std::string& url) {
    const int fd = checked(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    checked(::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at), "bind");
    socklen_t size = sizeof at;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
    url = "udp://127.0.0.1:" + std::to_string(ntohs(at.sin_port));
    return fd;
}

std::optional<std::string> text_of(const std::optional<datagram>& d) {
    if (!d)
        return std::nullopt;
    return std::string(d->data.text());
}

class datagram_socket_test : public ::testing::Test {
protected:
    datagram_socket open(const std::string& url) {
        return run_coroutine(context_, connect_datagrams(url, 10s));
    }

    std::optional<std::string> receive(datagram_socket& s, duration limit = 20s) {
        return text_of(run_coroutine(context_, s.receive(limit)));
    }

    /// Lets the queue go out.
    void settle() {
        context_.restart();
        context_.poll();
    }

    io_context context_{1};
};

TEST_F(datagram_socket_test, sends_and_receives) {
    std::string url;
    const int other = bound_socket(url);
    datagram_socket s = open(url);
    EXPECT_EQ("udp://" + s.peer().to_string(), url);
    EXPECT_TRUE(s.send("hello"));
    EXPECT_TRUE(s.send(""));
    settle();
    char room[16];
    sockaddr_in from{};
    socklen_t size = sizeof from;
    auto* const generic = reinterpret_cast<sockaddr*>(&from);
    ASSERT_EQ(::recvfrom(other, room, sizeof room, 0, generic, &size), 5);
    EXPECT_EQ(endpoint(generic, size), s.local());
    ASSERT_EQ(::recvfrom(other, room, sizeof room, 0, generic, &size), 0);
    for (const std::string text : {"one", "", "three"})
        ::sendto(other, text.data(), text.size(), 0, generic, size);
    EXPECT_EQ(receive(s), "one");
    EXPECT_EQ(receive(s), "");
    EXPECT_EQ(receive(s), "three");
    EXPECT_EQ(s.stats().received, 3U);
    EXPECT_EQ(s.stats().sent, 2U);
    ::close(other);
}

TEST_F(datagram_socket_test, waits_no_longer_than_it_is_told) {
    std::string url;
    const int other = bound_socket(url);
    datagram_socket s = open(url);
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(receive(s, 50ms), std::nullopt);
    EXPECT_GE(std::chrono::steady_clock::now() - start, 50ms);
    EXPECT_EQ(receive(s, 0s), std::nullopt);
    ::close(other);
}

TEST_F(datagram_socket_test, says_that_nobody_is_there_and_goes_on) {
    std::string url;
    ::close(bound_socket(url));
    datagram_socket s = open(url);
    for (int i = 0; i < 2; ++i) {
        s.send("anybody?");
        try {
            receive(s);
            FAIL() << "nobody could have answered";
        } catch (const system_error& e) {
            EXPECT_EQ(e.code(), boost::system::errc::connection_refused);
            EXPECT_THAT(e.what(), HasSubstr(url));
        }
    }
}

TEST_F(datagram_socket_test, says_that_a_datagram_was_cut) {
    std::string url;
    const int other = bound_socket(url);
    datagram_socket s = open(url + "?max-datagram=4");
    s.send("?");
    settle();
    char room[16];
    sockaddr_in from{};
    socklen_t size = sizeof from;
    auto* const generic = reinterpret_cast<sockaddr*>(&from);
    ASSERT_EQ(::recvfrom(other, room, sizeof room, 0, generic, &size), 1);
    ::sendto(other, "12345", 5, 0, generic, size);
    const auto d = run_coroutine(context_, s.receive(20s));
    ASSERT_TRUE(d);
    EXPECT_EQ(d->data.text(), "1234");
    EXPECT_TRUE(d->truncated);
    ::close(other);
}

TEST_F(datagram_socket_test, refuses_what_is_no_address_of_datagrams) {
    const auto says = [&](const std::string& url) -> std::string {
        try {
            open(url);
        } catch (const configuration_error& e) {
            return e.what();
        }
        return "nothing";
    };
    EXPECT_THAT(says("tcp://127.0.0.1:1"), HasSubstr("udp://"));
    EXPECT_THAT(says("udp://127.0.0.1:0"), HasSubstr("port 0"));
    EXPECT_THAT(says("udp://127.0.0.1:1?framing=raw"), HasSubstr("framing"));
    EXPECT_THROW(open("udp://nowhere.invalid:1"), system_error);
}

TEST_F(datagram_socket_test, one_at_a_time_receives) {
    testing::memory_datagrams net(context_);
    datagram_socket s = net.open(endpoint::ip("127.0.0.1", 1), endpoint::ip("127.0.0.1", 2));
    std::exception_ptr error;
    asio::co_spawn(context_, s.receive(20s), [](std::exception_ptr, std::optional<datagram>) {});
    asio::co_spawn(context_, s.receive(20s), [&](std::exception_ptr e, std::optional<datagram>) {
        error = e;
    });
    testing::run_until(context_, [&] { return error != nullptr; });
    try {
        std::rethrow_exception(error);
    } catch (const system_error& e) {
        EXPECT_EQ(e.code(), errc::concurrent_read);
    }
    net.send(endpoint::ip("127.0.0.1", 2), endpoint::ip("127.0.0.1", 1), "x");
    settle();
}

TEST_F(datagram_socket_test, a_cancelled_receive_loses_nothing) {
    testing::memory_datagrams net(context_);
    const endpoint here = endpoint::ip("127.0.0.1", 1), there = endpoint::ip("127.0.0.1", 2);
    datagram_socket s = net.open(here, there);
    asio::cancellation_signal stop;
    std::exception_ptr error;
    asio::co_spawn(
        context_,
        s.receive(20s),
        asio::bind_cancellation_slot(
            stop.slot(), [&](std::exception_ptr e, std::optional<datagram>) { error = e; }
        )
    );
    settle();
    stop.emit(asio::cancellation_type::terminal);
    testing::run_until(context_, [&] { return error != nullptr; });
    net.send(there, here, "kept");
    EXPECT_EQ(receive(s), "kept");
}

TEST_F(datagram_socket_test, hears_its_peer_alone) {
    testing::memory_datagrams net(context_);
    const endpoint here = endpoint::ip("127.0.0.1", 1), there = endpoint::ip("127.0.0.1", 2);
    datagram_socket s = net.open(here, there);
    net.send(endpoint::ip("127.0.0.1", 3), here, "spam");
    net.send(there, here, "news");
    EXPECT_EQ(receive(s), "news");
}

TEST_F(datagram_socket_test, a_context_may_end_while_it_waits) {
    auto context = std::make_unique<io_context>(1);
    testing::memory_datagrams net(*context);
    auto s = std::make_unique<datagram_socket>(
        net.open(endpoint::ip("127.0.0.1", 1), endpoint::ip("127.0.0.1", 2))
    );
    asio::co_spawn(*context, s->receive(20s), [](std::exception_ptr, std::optional<datagram>) {});
    context->poll();
    context.reset();
    s.reset();
}

}  // namespace
}  // namespace coserve
