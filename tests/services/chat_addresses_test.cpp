// A listener of several addresses, over real sockets.
#include "../framework/host_names.hpp"
#include "protocol/chat_datagram.hpp"

#include <coserve/datagram_socket.hpp>
#include <coserve/server.hpp>
#include <coserve/services/chat.hpp>
#include <coserve/testing/run_coroutine.hpp>

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

namespace coserve {
namespace {

using namespace std::chrono_literals;

template <class Datagram>
void send(datagram_socket& s, const Datagram& d) {
    std::string bytes;
    write_chat(bytes, d);
    s.send(bytes);
}

/// The next of this kind, past all others.
template <class Reply>
task<Reply> next(datagram_socket& s, std::string& kept) {
    for (;;) {
        const auto d = co_await s.receive(30s);
        if (!d)
            throw std::runtime_error("nothing came");
        kept = d->data.text();
        const auto reply = read_chat_reply(std::as_bytes(std::span(kept)));
        if (const auto* wanted = reply ? std::get_if<Reply>(&*reply) : nullptr)
            co_return *wanted;
    }
}

task<std::vector<datagram_socket>> connect_to_each(std::vector<std::string> urls, int members) {
    std::vector<datagram_socket> sockets;
    for (int i = 0; i < members; ++i)
        for (const std::string& url : urls) {
            datagram_socket s = co_await connect_datagrams(url, 30s);
            sockets.push_back(std::move(s));
        }
    co_return sockets;
}

task<> talk(std::vector<std::string> urls) {
    std::vector<datagram_socket> sockets = co_await connect_to_each(urls, 4);
    std::vector<chat_welcome> welcomes;
    std::string kept;
    for (datagram_socket& s : sockets) {
        const std::string name = "member " + std::to_string(welcomes.size());
        send(s, chat_join{.attempt = 1, .room = "tea", .name = name});
        const chat_welcome w = co_await next<chat_welcome>(s, kept);
        EXPECT_EQ(w.members, welcomes.size() + 1);
        welcomes.push_back(w);
    }
    for (std::size_t i = 0; i < sockets.size(); ++i) {
        send(sockets[i], chat_message{welcomes[i].token, 1, "hello"});
        for (datagram_socket& s : sockets) {  // each once: the next one is another's
            const chat_delivery d = co_await next<chat_delivery>(s, kept);
            EXPECT_EQ(d.member, welcomes[i].member);
        }
    }
    for (std::size_t i = 0; i < sockets.size(); ++i) {
        send(sockets[i], chat_leave{welcomes[i].token});
        const chat_left left = co_await next<chat_left>(sockets[i], kept);
        EXPECT_EQ(left.token, welcomes[i].token);
    }
}

TEST(chat_addresses_test, have_the_same_rooms) {
    server s({.cores = 2});
    s.registry().add<chat>("chat");
    const auto urls =
        s.listen(std::string("chat=udp://") + server_check::two_addresses + ":0").urls();
    ASSERT_EQ(urls.size(), 2U);
    std::thread serving([&s] { s.run(); });
    boost::asio::io_context context(1);
    EXPECT_NO_THROW(testing::run_coroutine(context, talk(urls)));
    s.stop();
    serving.join();
}

}  // namespace
}  // namespace coserve
