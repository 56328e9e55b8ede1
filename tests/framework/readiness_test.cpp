#include "stream_pair.hpp"

#include "core.hpp"
#include "readiness.hpp"

#include <boost/asio/detached.hpp>
#include <gmock/gmock.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <sys/epoll.h>
#include <unistd.h>
#include <vector>

namespace coserve {
namespace {

using namespace stream_check;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Told of what has no descriptor, or of one that is not its own.
struct told final : watcher {
    told(core& c, std::function<void(std::uint32_t)> f)
        : where(c.readiness()), call(std::move(f)) {}

    ~told() { forget(); }

    void watch(int socket) {
        where.add(socket, *this);
        descriptor = socket;
    }

    void watch() { where.add(*this); }

    void forget() {
        if (descriptor >= 0)
            where.remove(std::exchange(descriptor, -1), *this);
        else
            where.remove(*this);
    }

    void on_ready(std::uint32_t events) override { call(events); }

    readiness& where;
    std::function<void(std::uint32_t)> call;
    int descriptor = -1;
};

class readiness_test : public ::testing::Test {
protected:
    ~readiness_test() override {
        for (const int socket : open_)
            ::close(socket);
    }

    sockets connect() {
        const sockets pair = local_sockets();
        open_.insert(open_.end(), pair.begin(), pair.end());
        return pair;
    }

    void turns() {
        context_.restart();
        context_.poll();
    }

    io_context context_;
    core& core_ = core::of(context_);
    std::vector<int> open_;
};

TEST_F(readiness_test, tells_of_input_that_came_unwatched_once_it_is_watched_again) {
    const auto [here, there] = connect();
    std::vector<std::uint32_t> events;
    told w(core_, [&](std::uint32_t e) { events.push_back(e); });
    w.watch(here);
    turns();
    core_.readiness().watch_input(here, w, false);
    turns();
    events.clear();
    checked(static_cast<int>(::write(there, "x", 1)), "write");
    turns();
    EXPECT_THAT(events, IsEmpty());
    core_.readiness().watch_input(here, w, true);
    turns();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_TRUE(events[0] & EPOLLIN);
}

TEST_F(readiness_test, tells_of_each_edge_once) {
    const auto [here, there] = connect();
    std::vector<std::uint32_t> events;
    told w(core_, [&](std::uint32_t e) { events.push_back(e); });
    w.watch(here);
    turns();
    EXPECT_THAT(events, ElementsAre(EPOLLOUT));
    turns();
    EXPECT_EQ(events.size(), 1U);
    checked(static_cast<int>(::write(there, "x", 1)), "write");
    turns();
    ASSERT_EQ(events.size(), 2U);
    EXPECT_TRUE(events[1] & EPOLLIN);
    turns();
    EXPECT_EQ(events.size(), 2U);
    checked(::shutdown(there, SHUT_WR), "shutdown");
    turns();
    ASSERT_EQ(events.size(), 3U);
    EXPECT_TRUE(events[2] & EPOLLRDHUP);
}

TEST_F(readiness_test, more_at_once_than_one_batch_are_all_told) {
    constexpr int many = 300;
    std::vector<std::unique_ptr<told>> all;
    std::vector<int> peers;
    int inputs = 0;
    for (int i = 0; i < many; ++i) {
        const auto [here, there] = connect();
        peers.push_back(there);
        all.push_back(std::make_unique<told>(core_, [&](std::uint32_t e) {
            inputs += (e & EPOLLIN) != 0;
        }));
        all.back()->watch(here);
    }
    turns();
    EXPECT_EQ(inputs, 0);
    for (const int peer : peers)
        checked(static_cast<int>(::write(peer, "x", 1)), "write");
    turns();
    EXPECT_EQ(inputs, many);
}

TEST_F(readiness_test, an_edge_within_a_turn_is_told_in_the_next) {
    const auto [here, there] = connect();
    const auto [second_here, second_there] = connect();
    int seconds = 0;
    const int peer = second_there;
    told first(core_, [&](std::uint32_t e) {
        if (e & EPOLLIN)
            checked(static_cast<int>(::write(peer, "x", 1)), "write");
    });
    told second(core_, [&](std::uint32_t e) { seconds += (e & EPOLLIN) != 0; });
    first.watch(here);
    second.watch(second_here);
    turns();
    checked(static_cast<int>(::write(there, "x", 1)), "write");
    turns();
    EXPECT_EQ(seconds, 1);
}

TEST_F(readiness_test, a_descriptor_that_cannot_be_watched_throws) {
    told w(core_, [](std::uint32_t) {});
    EXPECT_THROW(core_.readiness().add(-1, w), system_error);
    EXPECT_EQ(core_.readiness().watched(), 0U);
}

TEST_F(readiness_test, run_returns_when_nothing_is_watched_any_more) {
    const auto [here, there] = connect();
    int count = 0;
    told first(core_, [](std::uint32_t) {});
    told second(core_, [&](std::uint32_t) {
        if (++count == 2) {
            first.forget();
            second.forget();
        }
    });
    first.watch(there);
    second.watch(here);
    turns();
    EXPECT_EQ(count, 1);
    EXPECT_FALSE(context_.stopped());
    checked(static_cast<int>(::write(there, "x", 1)), "write");
    context_.run_for(20s);
    EXPECT_TRUE(context_.stopped());
    EXPECT_EQ(core_.readiness().watched(), 0U);
    // And goes on with the next one.
    const auto [other, peer] = connect();
    told third(core_, [&](std::uint32_t) { third.forget(); });
    third.watch(other);
    context_.restart();
    context_.run_for(20s);
    EXPECT_TRUE(context_.stopped());
}

TEST_F(readiness_test, what_is_removed_in_a_turn_is_not_told_in_it) {
    std::vector<std::unique_ptr<told>> all;
    int count = 0;
    for (int i = 0; i < 10; ++i)
        all.push_back(std::make_unique<told>(core_, [&](std::uint32_t) {
            ++count;
            for (const auto& other : all)
                other->forget();
        }));
    for (const auto& w : all)
        w->watch(connect()[0]);
    turns();
    EXPECT_EQ(count, 1);
    EXPECT_TRUE(context_.stopped());
}

TEST_F(readiness_test, a_duplicate_in_other_hands_does_no_harm) {
    const auto [here, there] = connect();
    const int held = checked(::dup(here), "dup");  // as by a child between vfork and exec
    open_.push_back(held);
    auto w = std::make_unique<told>(core_, [](std::uint32_t) { FAIL(); });
    w->watch(here);
    w.reset();
    ::close(here);
    std::erase(open_, here);
    checked(static_cast<int>(::write(there, "x", 1)), "write");
    turns();
}

TEST_F(readiness_test, tells_later_in_a_turn_of_its_own) {
    std::vector<std::uint32_t> events;
    std::vector<std::uint64_t> turn_numbers;
    told w(core_, [&](std::uint32_t e) {
        events.push_back(e);
        turn_numbers.push_back(core_.turn_number());
        if (events.size() == 1)
            core_.readiness().tell_later(w, EPOLLRDHUP);
    });
    w.watch();
    core_.readiness().tell_later(w, EPOLLIN);
    core_.readiness().tell_later(w, EPOLLOUT);
    EXPECT_THAT(events, IsEmpty());
    turns();
    EXPECT_THAT(events, ElementsAre(EPOLLIN | EPOLLOUT, EPOLLRDHUP));
    EXPECT_NE(turn_numbers[0], turn_numbers[1]);
    core_.readiness().tell_later(w, EPOLLIN);
    w.forget();
    core_.readiness().tell_later(w, EPOLLIN);
    turns();
    EXPECT_EQ(events.size(), 2U);
}

TEST_F(readiness_test, tells_later_what_any_turn_asked_for) {
    int count = 0;
    told w(core_, [&](std::uint32_t) { ++count; });
    w.watch();
    {
        const core::turn turn(core_);  // not one of epoll's
        core_.readiness().tell_later(w, EPOLLIN);
    }
    turns();
    EXPECT_EQ(count, 1);
}

TEST_F(readiness_test, an_exception_leaves_run_and_the_others_are_told) {
    std::vector<std::unique_ptr<told>> all;
    std::vector<int> log;
    for (int i = 0; i < 10; ++i) {
        all.push_back(std::make_unique<told>(core_, [&log, i](std::uint32_t) {
            log.push_back(i);
            if (i % 3 == 0)
                throw std::runtime_error(std::to_string(i));
        }));
        all.back()->watch(connect()[0]);
    }
    int thrown = 0;
    for (int i = 0; i < 100; ++i) {
        try {
            turns();
        } catch (const std::runtime_error&) {
            ++thrown;
        }
    }
    EXPECT_EQ(log.size(), 10U);
    EXPECT_EQ(thrown, 4);
}

// ---- through streams

class readiness_of_sockets_test : public stream_test {
protected:
    sockets connect() { return GetParam() == medium::local ? local_sockets() : tcp_sockets(); }
};

INSTANTIATE_TEST_SUITE_P(
    , readiness_of_sockets_test, ::testing::Values(medium::local, medium::tcp), name_of
);

TEST_P(readiness_of_sockets_test, data_and_the_end_may_come_on_one_edge) {
    // 65 536 bytes are what the first read has room for.
    for (const std::size_t size : {1UL, 100UL, 65'531UL, 65'532UL, 65'533UL, 131'068UL}) {
        for (const bool waiting : {true, false}) {
            const auto [here, there] = connect();
            frame_stream near = testing::open_socket(context_, here);
            std::vector<std::string> got;
            std::shared_ptr<beside> reader;
            if (waiting) {
                reader = start(all_frames(near), got);
                turns();
            }
            const std::string raw = framed(pattern(size));
            std::size_t sent = 0;
            while (sent < raw.size()) {
                const ssize_t n = ::send(there, raw.data() + sent, raw.size() - sent, MSG_NOSIGNAL);
                if (n < 0)
                    break;
                sent += static_cast<std::size_t>(n);
            }
            ::shutdown(there, SHUT_WR);
            if (!waiting)
                reader = start(all_frames(near), got);
            finish(reader);
            if (sent == raw.size()) {
                EXPECT_THAT(got, ElementsAre(pattern(size))) << size;
            }
            ::close(there);
        }
    }
}

TEST_P(readiness_of_sockets_test, a_callback_that_throws_leaves_run_and_does_not_hold_up_others) {
    std::vector<std::unique_ptr<frame_stream>> streams;
    std::vector<int> peers;
    int read = 0, thrown = 0;
    for (int i = 0; i < 20; ++i) {
        const auto [here, there] = connect();
        peers.push_back(there);
        streams.push_back(std::make_unique<frame_stream>(testing::open_socket(context_, here)));
        streams.back()->read_frame()([&read, i](std::exception_ptr, std::optional<frame>) {
            ++read;
            if (i % 2 == 0)
                throw std::runtime_error("thrown by a callback");
        });
    }
    for (const int there : peers)
        checked(static_cast<int>(::write(there, framed("hi").data(), 6)), "write");
    const auto end = std::chrono::steady_clock::now() + testing::default_limit;
    while ((read < 20 || thrown < 10) && std::chrono::steady_clock::now() < end) {
        try {
            context_.restart();
            context_.run_one_for(1ms);
        } catch (const std::runtime_error&) {
            ++thrown;
        }
    }
    EXPECT_EQ(read, 20);
    EXPECT_EQ(thrown, 10);
    for (const int there : peers)
        ::close(there);
}

task<> echo_until_the_end(frame_stream s, int& ended) {
    try {
        while (const auto f = co_await s.read_frame())
            co_await s.write_frame(*f);
    } catch (const system_error&) {  // NOLINT(bugprone-empty-catch): that is what this is about
    }
    ++ended;
}

TEST_P(readiness_of_sockets_test, ten_thousand_resets) {
    int ended = 0, begun = 0;
    const std::string raw = framed("some") + framed("frames") + "\5";
    while (begun < 10'000) {
        for (int i = 0; i < 100; ++i, ++begun) {
            const auto [here, there] = connect();
            asio::co_spawn(
                context_,
                echo_until_the_end(testing::open_socket(context_, here), ended),
                asio::detached
            );
            const auto size = static_cast<std::size_t>(begun) % (raw.size() + 1);
            if (begun % 3 == 0)
                turns();
            static_cast<void>(::send(there, raw.data(), size, MSG_NOSIGNAL));
            if (begun % 7 == 0)
                turns();
            const ::linger at_once{1, 0};
            ::setsockopt(there, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
            ::close(there);
        }
        until([&] { return ended == begun; });
    }
    context_.restart();
    context_.run_for(20s);
    EXPECT_TRUE(context_.stopped());
    EXPECT_EQ(core::of(context_).readiness().watched(), 0U);
}

}  // namespace
}  // namespace coserve
