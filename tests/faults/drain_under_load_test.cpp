// A drain while peers keep asking: what a handler was given is answered, and the answer arrives.
#include "../framework/plain_peer.hpp"

#include <coserve/server.hpp>
#include <coserve/testing/loopback_server.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace coserve {
namespace {

using namespace std::chrono_literals;
using namespace server_check;
using ::testing::IsEmpty;
using testing::loopback_server;

std::atomic<std::uint64_t> delivered = 0;

class counting_echo final : public stream_handler {
    task<> handle() override {
        while (auto f = co_await read_frame()) {
            ++delivered;
            co_await write_frame(*f);
        }
    }
};

/// Keeps `depth` requests on their way until the server ends the connection. How many were
/// answered.
std::uint64_t ask_until_the_end(const std::string& url, std::size_t size, std::uint64_t depth) {
    plain_peer p(url);
    std::uint64_t asked = 0, answered = 0;
    for (;; ++answered) {
        while (asked < answered + depth)
            p.send_frame(pattern(size, static_cast<std::uint32_t>(asked++)));
        std::string answer;
        try {
            answer = p.receive_frame();
        } catch (const std::system_error&) {  // a reset
            throw;
        } catch (const std::runtime_error& e) {
            EXPECT_STREQ(e.what(), "the end came after 0 of 4 bytes");
            return answered;
        }
        EXPECT_TRUE(answer == pattern(size, static_cast<std::uint32_t>(answered)));
    }
}

TEST(drain_under_load_test, loses_no_answer) {
    constexpr int rounds = 5, busy_peers = 6, slow_peers = 4, idle_peers = 8;
    for (int round = 0; round < rounds; ++round) {
        delivered = 0;
        std::mutex mutex;
        std::vector<std::string> log;
        server s({.cores = 2, .drain_timeout = 120s, .log = [&](const log_record& r) {
                      const std::scoped_lock lock(mutex);
                      log.push_back(log_text(r));
                  }});
        s.registry().add<counting_echo>("echo");
        const std::string url = s.listen("echo=tcp://127.0.0.1:0").url();
        std::thread runner([&] { s.run(); });

        std::atomic<std::uint64_t> answered = 0;
        std::atomic<bool> failed = false;
        std::vector<std::thread> clients;
        for (int i = 0; i < busy_peers; ++i)
            clients.emplace_back([&, i] {
                try {
                    answered += ask_until_the_end(url, i % 2 ? 64 : 9000, i % 2 ? 32 : 4);
                } catch (const std::exception& e) {
                    ADD_FAILURE() << "a busy peer: " << e.what();
                    failed = true;
                }
            });
        // They have asked for more than all buffers hold, and read nothing until the drain has
        // begun.
        std::vector<plain_peer> slow, idle;
        for (int i = 0; i < slow_peers; ++i) {
            slow.emplace_back(url, 4096);
            for (std::uint32_t n = 0; n < 20; ++n)
                slow.back().send_frame(pattern(10'000, n));
        }
        for (int i = 0; i < idle_peers; ++i)
            idle.emplace_back(url);
        eventually(
            [&] {
                return delivered > std::uint64_t{200} * static_cast<unsigned>(round + 1) || failed;
            },
            "the load is on"
        );
        for (const plain_peer& p : slow)
            eventually([&] { return p.readable(); }, "the first answer waits");
        s.stop();
        for (plain_peer& p : idle) {
            EXPECT_EQ(p.await_end(), plain_peer::ending::finished);
            p.close();
        }
        for (plain_peer& p : slow) {
            std::uint64_t complete = 0;
            std::string all = p.receive_rest();
            for (std::string due = framed(pattern(10'000, 0)); all.size() >= due.size();
                 due = framed(pattern(10'000, static_cast<std::uint32_t>(complete)))) {
                EXPECT_TRUE(all.starts_with(due)) << complete;
                all.erase(0, due.size());
                ++complete;
            }
            EXPECT_THAT(all, IsEmpty());
            answered += complete;
            p.close();
        }
        for (std::thread& t : clients)
            t.join();
        runner.join();
        EXPECT_EQ(answered, delivered);
        EXPECT_EQ(s.stats().active, 0U);
        EXPECT_EQ(s.stats().failed, 0U);
        EXPECT_THAT(log, IsEmpty());
    }
}

/// Clients that write as fast as they can, and go on writing until nobody takes it any more.
TEST(drain_under_load_test, loses_no_answer_of_those_who_write_on) {
    constexpr std::size_t busy_peers = 8, slow_peers = 4, idle_peers = 20;
    const std::string one = framed(std::string(500, 'b'));
    delivered = 0;
    loopback_server s(
        [](registry& r) { r.add<counting_echo>("echo"); },
        "echo",
        "",
        {.cores = 2, .drain_timeout = 120s}
    );
    std::vector<plain_peer> peers, idle;
    for (std::size_t i = 0; i < busy_peers + slow_peers; ++i)
        peers.emplace_back(s.url(), i < busy_peers ? 0 : 4096);
    for (std::size_t i = 0; i < idle_peers; ++i)
        idle.emplace_back(s.url());
    std::atomic<std::uint64_t> answered = 0;
    std::latch under_way(busy_peers), stopped(1);
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < peers.size(); ++i) {
        threads.emplace_back([&, i] {
            try {
                for (;;)
                    peers[i].send(one);
            } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch): it takes no more
            }
        });
        threads.emplace_back([&, i] {
            std::string all;
            if (i < busy_peers) {
                all = peers[i].receive(one.size());
                under_way.count_down();
            } else {
                stopped.wait();  // until then it reads nothing at all
            }
            all += peers[i].receive_rest();
            EXPECT_EQ(all.size() % one.size(), 0U);
            for (std::size_t at = 0; at < all.size(); at += one.size())
                EXPECT_TRUE(std::string_view(all).substr(at, one.size()) == one) << at;
            answered += all.size() / one.size();
        });
    }
    under_way.wait();
    s.server().stop();
    stopped.count_down();
    for (plain_peer& p : idle)
        EXPECT_EQ(p.await_end(), plain_peer::ending::finished);
    idle.clear();
    threads.clear();
    peers.clear();
    s.stop();
    EXPECT_GT(answered, 0U);
    EXPECT_EQ(answered, delivered);
    EXPECT_THAT(s.log(), IsEmpty());
}

}  // namespace
}  // namespace coserve
