#include "datagram_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace coserve {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

endpoint peer(std::uint16_t port) {
    return endpoint::ip("192.0.2.1", port);
}

/// Takes as many as it is told to, or gives the errors that it is told to.
class scripted_transport final : public datagram_transport {
public:
    int send(std::span<mmsghdr> batch) noexcept override {
        ++calls;
        if (!errors.empty()) {
            const int error = errors.front();
            errors.pop_front();
            if (error != 0)
                return -error;
        }
        if (room == 0)
            return -EAGAIN;
        const std::size_t count = std::min(room, batch.size());
        for (const mmsghdr& m : batch.first(count))
            keep(m.msg_hdr);
        room -= count;
        return static_cast<int>(count);
    }

    void watch(core&, watcher&) override {}
    void unwatch() noexcept override {}
    int receive(std::span<mmsghdr>) noexcept override { return -EAGAIN; }
    int next_refusal(endpoint&) noexcept override { return 0; }
    void stop_arrivals() noexcept override {}
    void close() noexcept override {}
    const endpoint& local() const noexcept override { return at; }

    endpoint at = endpoint::ip("127.0.0.1", 1);
    std::size_t room = 1'000'000;
    std::deque<int> errors;  // of the next calls; 0: none
    int calls = 0;
    std::vector<std::pair<std::uint16_t, std::string>> taken;
    std::vector<std::string> sources;

private:
    void keep(const msghdr& m) {
        const endpoint to(static_cast<const sockaddr*>(m.msg_name), m.msg_namelen);
        const auto* const data = static_cast<const char*>(m.msg_iov->iov_base);
        taken.emplace_back(to.port(), std::string(data, m.msg_iov->iov_len));
        if (cmsghdr* const c = CMSG_FIRSTHDR(&m); c && c->cmsg_type == IP_PKTINFO) {
            in_pktinfo info;
            std::memcpy(&info, CMSG_DATA(c), sizeof info);
            sockaddr_in in{};
            in.sin_family = AF_INET;
            in.sin_addr = info.ipi_spec_dst;
            sources.push_back(endpoint(reinterpret_cast<sockaddr*>(&in), sizeof in).address());
        }
    }
};

class datagram_queue_test : public ::testing::Test {
protected:
    bool add(std::uint16_t port, const std::string& text) {
        const auto piece = queue.keep(text);
        const bool added = queue.add(peer(port), nullptr, piece);
        if (!added)
            queue.forget(piece);
        return added;
    }

    void block() {
        transport.room = 0;
        EXPECT_FALSE(queue.flush(transport));
        EXPECT_TRUE(queue.blocked());
    }

    datagram_limits limits{.send_queue = 4096, .send_queue_per_peer = 1024};
    datagram_counters counters;
    datagram_queue queue{limits, false, counters};
    scripted_transport transport;
};

TEST_F(datagram_queue_test, sends_in_the_order_of_the_calls) {
    add(1, "one");
    add(2, "");
    add(1, "three");
    EXPECT_TRUE(queue.flush(transport));
    EXPECT_TRUE(queue.empty());
    EXPECT_THAT(
        transport.taken, ElementsAre(std::pair(1, "one"), std::pair(2, ""), std::pair(1, "three"))
    );
    EXPECT_EQ(transport.calls, 1);
    EXPECT_EQ(counters.sent.get(), 3U);
}

TEST_F(datagram_queue_test, sends_64_a_call) {
    for (int i = 0; i < 150; ++i)
        add(1, std::to_string(i));
    EXPECT_TRUE(queue.flush(transport));
    EXPECT_EQ(transport.calls, 3);
    ASSERT_EQ(transport.taken.size(), 150U);
    for (int i = 0; i < 150; ++i)
        EXPECT_EQ(transport.taken[static_cast<std::size_t>(i)].second, std::to_string(i));
}

TEST_F(datagram_queue_test, keeps_the_bytes_of_many_once) {
    const auto piece = queue.keep("to all");
    for (std::uint16_t port = 1; port <= 3; ++port)
        EXPECT_TRUE(queue.add(peer(port), nullptr, piece));
    EXPECT_TRUE(queue.flush(transport));
    EXPECT_THAT(
        transport.taken,
        ElementsAre(std::pair(1, "to all"), std::pair(2, "to all"), std::pair(3, "to all"))
    );
}

TEST_F(datagram_queue_test, goes_on_where_the_socket_stopped) {
    for (int i = 0; i < 10; ++i)
        add(1, std::to_string(i));
    transport.room = 4;
    EXPECT_FALSE(queue.flush(transport));
    EXPECT_EQ(queue.size(), 6U);
    EXPECT_TRUE(queue.blocked());
    add(2, "later");
    transport.room = 100;
    EXPECT_TRUE(queue.flush(transport));
    EXPECT_FALSE(queue.blocked());
    ASSERT_EQ(transport.taken.size(), 11U);
    EXPECT_EQ(transport.taken[9].second, "9");
    EXPECT_EQ(transport.taken[10].second, "later");
    EXPECT_EQ(counters.dropped.get(), 0U);
}

TEST_F(datagram_queue_test, drops_what_is_over_a_peers_bound_and_counts_it) {
    add(1, std::string(400, 'x'));
    block();
    EXPECT_TRUE(add(1, std::string(400, 'x')));
    EXPECT_FALSE(add(1, std::string(400, 'x')));  // 3 * 464 > 1024
    EXPECT_FALSE(add(1, std::string(400, 'x')));
    EXPECT_TRUE(add(2, "somebody else"));
    EXPECT_EQ(counters.dropped.get(), 2U);
    EXPECT_EQ(queue.drops(peer(1)), 2U);
    EXPECT_EQ(queue.drops(peer(2)), 0U);
    transport.room = 100;
    EXPECT_TRUE(queue.flush(transport));
    EXPECT_EQ(transport.taken.size(), 3U);
    EXPECT_TRUE(add(1, std::string(400, 'x')));
    EXPECT_EQ(queue.drops(peer(1)), 2U);  // still known
}

TEST_F(datagram_queue_test, drops_what_is_over_the_bound_of_all) {
    add(1, "");
    block();
    std::size_t taken = 1;
    for (std::uint16_t port = 2; port < 200; ++port)
        taken += add(port, std::string(36, 'x')) ? 1 : 0;  // 100 each
    EXPECT_EQ(taken, 1U + (4096 - 64) / 100);
    EXPECT_EQ(counters.dropped.get(), 199U - taken);
    EXPECT_EQ(queue.drops(peer(199)), 1U);
}

TEST_F(datagram_queue_test, has_room_for_one_datagram_to_each_peer_however_long) {
    limits.send_queue = 1 << 20;
    limits.send_queue_per_peer = 0;
    datagram_queue strict(limits, false, counters);
    const auto add_to = [&](std::uint16_t port) {
        return strict.add(peer(port), nullptr, strict.keep(std::string(60'000, 'x')));
    };
    add_to(9);
    transport.room = 0;
    EXPECT_FALSE(strict.flush(transport));
    EXPECT_TRUE(add_to(1));
    EXPECT_FALSE(add_to(1));
    EXPECT_TRUE(add_to(2));
}

TEST_F(datagram_queue_test, holds_no_more_memory_than_its_bounds_while_it_stays_blocked) {
    add(1, "");
    block();
    for (int i = 0; i < 200'000; ++i) {
        add(static_cast<std::uint16_t>(1 + i % 7), std::string(200, 'x'));
        if (i % 5 == 0) {
            transport.room = 1;
            queue.flush(transport);
        }
    }
    EXPECT_LE(queue.size(), 64U);
    EXPECT_TRUE(queue.blocked());
    for (const auto& [port, text] : transport.taken)
        EXPECT_TRUE(text.empty() || text == std::string(200, 'x'));
    EXPECT_EQ(counters.sent.get() + counters.dropped.get() + queue.size(), 200'001U);
}

TEST_F(datagram_queue_test, takes_an_error_for_one_of_an_earlier_datagram_first) {
    transport.errors = {ECONNREFUSED, ECONNREFUSED, EHOSTUNREACH, ECONNREFUSED, ECONNREFUSED};
    add(1, "sent all the same");
    EXPECT_TRUE(queue.flush(transport));
    EXPECT_EQ(transport.taken.size(), 1U);
    EXPECT_EQ(counters.failed.get(), 0U);
}

TEST_F(datagram_queue_test, gives_up_the_datagram_that_goes_on_failing_and_sends_the_rest) {
    transport.errors = {EPERM, EPERM, EPERM};
    add(1, "forbidden");
    add(2, "allowed");
    EXPECT_TRUE(queue.flush(transport));
    EXPECT_THAT(transport.taken, ElementsAre(std::pair(2, "allowed")));
    EXPECT_EQ(counters.failed.get(), 1U);
    EXPECT_EQ(counters.sent.get(), 1U);
    EXPECT_EQ(queue.drops(peer(1)), 1U);
}

TEST_F(datagram_queue_test, ends_where_everything_fails) {
    transport.errors = std::deque<int>(1000, EPERM);
    for (std::uint16_t port = 1; port <= 100; ++port)
        add(port, "x");
    EXPECT_TRUE(queue.flush(transport));
    EXPECT_THAT(transport.taken, IsEmpty());
    EXPECT_EQ(counters.failed.get(), 100U);
    EXPECT_EQ(queue.last_failure(), EPERM);
}

TEST_F(datagram_queue_test, drops_at_once_what_the_device_has_no_room_for) {
    transport.errors = std::deque<int>(2, ENOBUFS);
    for (std::uint16_t port = 1; port <= 3; ++port)
        add(port, "x");
    EXPECT_TRUE(queue.flush(transport));
    EXPECT_THAT(transport.taken, ElementsAre(std::pair(3, "x")));
    EXPECT_EQ(counters.dropped.get(), 2U);
    EXPECT_EQ(counters.failed.get(), 0U);
    EXPECT_EQ(transport.calls, 3);
}

TEST_F(datagram_queue_test, an_address_that_is_none_of_ip_may_wait_too) {
    transport.room = 0;
    add(1, "x");
    EXPECT_FALSE(queue.flush(transport));
    EXPECT_TRUE(queue.add(endpoint::unix_peer({}), nullptr, queue.keep("nowhere")));
    transport.room = 2;
    EXPECT_TRUE(queue.flush(transport));
}

TEST_F(datagram_queue_test, refuses_what_no_datagram_holds) {
    EXPECT_TRUE(add(1, std::string(65'507, 'x')));
    EXPECT_FALSE(add(1, std::string(65'508, 'x')));
    EXPECT_EQ(counters.failed.get(), 1U);
    EXPECT_TRUE(queue.flush(transport));
    EXPECT_EQ(transport.taken.size(), 1U);
}

TEST_F(datagram_queue_test, forgets_counts_of_peers_rather_than_grow) {
    for (int i = 0; i < 100'000; ++i)
        queue.count_drop(endpoint::ip("198.51.100.7", static_cast<std::uint16_t>(i % 60'000)));
    EXPECT_LE(queue.known_peers(), 4096U);
}

TEST_F(datagram_queue_test, many_that_wait_do_not_keep_drops_from_being_counted) {
    datagram_limits roomy;
    roomy.send_queue = 64 << 20;
    datagram_queue large(roomy, false, counters);
    transport.room = 0;
    for (std::uint16_t port = 1; port <= 10'000; ++port) {
        EXPECT_TRUE(large.add(peer(port), nullptr, large.keep("x")));
        large.flush(transport);
    }
    for (std::uint16_t port = 20'000; port < 24'000; ++port)
        large.count_drop(peer(port));
    EXPECT_EQ(large.known_peers(), 4000U);
    EXPECT_EQ(large.drops(peer(20'000)), 1U);
}

TEST_F(datagram_queue_test, says_which_address_a_datagram_leaves_from) {
    datagram_queue anywhere(limits, true, counters);
    const endpoint from = endpoint::ip("127.0.0.2", 7);
    anywhere.add(peer(1), &from, anywhere.keep("x"));
    anywhere.add(peer(1), nullptr, anywhere.keep("y"));
    EXPECT_TRUE(anywhere.flush(transport));
    EXPECT_THAT(transport.sources, ElementsAre("127.0.0.2"));
}

}  // namespace
}  // namespace coserve
