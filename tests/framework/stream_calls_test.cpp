#include "core.hpp"
#include "stream_state.hpp"
#include "transport.hpp"

#include <coserve/frame_stream.hpp>
#include <coserve/length_prefix.hpp>
#include <coserve/testing/run_coroutine.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gmock/gmock.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <string>
#include <sys/epoll.h>
#include <vector>

// Which system calls a stream makes, and with how much memory: what makes it fast.
namespace coserve {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// What a scripted connection saw, and what it is to do.
struct script {
    std::string input{};               // arrives at once
    std::vector<std::size_t> reads{};  // room given in each
    std::vector<std::string> writes{};
    std::vector<std::size_t> parts{};                 // of each write
    std::size_t room = static_cast<std::size_t>(-1);  // what it takes before it blocks
    watcher* told = nullptr;
};

class scripted_transport final : public transport {
public:
    explicit scripted_transport(script& s) : script_(s) {}

    void watch(core& c, watcher& w) override {
        core_ = &c;
        script_.told = &w;
        c.readiness().add(w);
        c.readiness().tell_later(w, EPOLLOUT);
    }

    void unwatch() noexcept override {
        if (script_.told)
            core_->readiness().remove(*std::exchange(script_.told, nullptr));
    }

    transfer read(std::span<std::byte> into) noexcept override {
        script_.reads.push_back(into.size());
        if (script_.input.empty())
            return {0, EAGAIN};
        const std::size_t size = std::min(into.size(), script_.input.size());
        std::memcpy(into.data(), script_.input.data(), size);
        script_.input.erase(0, size);
        return {size, 0};
    }

    transfer write(std::span<const iovec> from) noexcept override {
        std::string all;
        for (const iovec& part : from)
            all.append(static_cast<const char*>(part.iov_base), part.iov_len);
        all.resize(std::min(all.size(), script_.room));
        script_.room -= all.size();
        script_.writes.push_back(all);
        script_.parts.push_back(from.size());
        if (all.empty())
            return {0, EAGAIN};
        return {all.size(), 0};
    }

    void shutdown_write() noexcept override {}

    void close() noexcept override { unwatch(); }

    void reset() noexcept override { unwatch(); }

    std::size_t arrived() const noexcept override { return script_.input.size(); }

    std::size_t unacknowledged() const noexcept override { return 0; }

    const endpoint& peer() const noexcept override { return peer_; }

    endpoint local() const noexcept override { return {}; }

private:
    script& script_;
    core* core_ = nullptr;
    endpoint peer_;
};

std::string framed(std::string_view payload) {
    std::string out(4, '\0');
    for (int i = 0; i < 4; ++i)
        out[static_cast<std::size_t>(i)] = static_cast<char>(payload.size() >> (8 * i));
    return out.append(payload);
}

class stream_calls_test : public ::testing::Test {
protected:
    stream_calls_test() {
        stream_limits limits;
        stream_ = std::make_unique<frame_stream>(new stream_state(
            core_,
            std::make_unique<scripted_transport>(script_),
            std::make_unique<length_prefix_codec>(),
            std::make_unique<length_prefix_codec>(),
            std::make_shared<stream_limits>(limits)
        ));
        turns();
    }

    ~stream_calls_test() override {
        if (stream_)
            stream_->abort();
    }

    void turns() {
        context_.restart();
        context_.poll();
    }

    void arrive(const std::string& raw) {
        script_.input += raw;
        core_.readiness().tell_later(*script_.told, EPOLLIN | EPOLLOUT);
        turns();
    }

    /// Reads and answers all frames, and notes their sizes.
    void serve() {
        const auto echo = [](frame_stream& s, std::vector<std::size_t>& sizes) -> task<> {
            while (const auto f = co_await s.read_frame()) {
                sizes.push_back(f->size());
                co_await s.write_frame(*f);
            }
        };
        asio::co_spawn(context_, echo(*stream_, served_), asio::detached);
        turns();
    }

    io_context context_;
    core& core_ = core::of(context_);
    script script_;
    std::unique_ptr<frame_stream> stream_;
    std::vector<std::size_t> served_;
};

TEST_F(stream_calls_test, a_request_costs_one_read_and_one_write) {
    serve();
    EXPECT_THAT(script_.reads, IsEmpty());  // nothing is read before there is something
    for (int i = 1; i <= 10; ++i) {
        arrive(framed("hello"));
        EXPECT_EQ(script_.reads.size(), static_cast<std::size_t>(i));
        EXPECT_EQ(script_.writes.size(), static_cast<std::size_t>(i));
        EXPECT_EQ(script_.writes.back(), framed("hello"));
    }
}

TEST_F(stream_calls_test, what_came_at_once_is_read_and_answered_at_once) {
    serve();
    std::string raw;
    for (int i = 0; i < 1000; ++i)
        raw += framed(std::to_string(i));
    arrive(raw);
    EXPECT_EQ(served_.size(), 1000U);
    EXPECT_EQ(script_.reads.size(), 1U);
    EXPECT_THAT(script_.writes, ElementsAre(raw));
}

TEST_F(stream_calls_test, frames_before_the_first_read_are_not_lost) {
    arrive(framed("a") + framed("b"));
    EXPECT_THAT(script_.reads, IsEmpty());
    serve();
    EXPECT_EQ(served_.size(), 2U);
    EXPECT_EQ(script_.reads.size(), 1U);
    EXPECT_EQ(script_.writes.size(), 1U);
}

TEST_F(stream_calls_test, a_large_payload_goes_out_in_one_gathered_write) {
    const std::string large(100'000, 'x');
    const auto write = [](frame_stream& s, const std::string& payload) -> task<> {
        co_await s.write_frame("small");
        co_await s.write_frame("head", payload);
        co_await s.read_frame();
    };
    asio::co_spawn(context_, write(*stream_, large), asio::detached);
    turns();
    EXPECT_THAT(script_.writes, ElementsAre(framed("small") + framed("head" + large)));
    EXPECT_THAT(script_.parts, ElementsAre(4U));  // what was queued, prefix, header, body
}

TEST_F(stream_calls_test, a_peer_known_not_to_read_is_not_tried_again) {
    script_.room = 10'000;
    const std::string large(100'000, 'x');
    static_cast<void>(stream_->write_frame(large));
    ASSERT_EQ(script_.writes.size(), 1U);
    EXPECT_EQ(stream_->queued(), 90'004U);
    static_cast<void>(stream_->write_frame(large));
    static_cast<void>(stream_->write_frame("small"));
    static_cast<void>(stream_->flush());
    turns();
    EXPECT_EQ(script_.writes.size(), 1U);
    script_.room = static_cast<std::size_t>(-1);
    arrive("");
    EXPECT_EQ(script_.writes.size(), 2U);
    EXPECT_EQ(
        script_.writes[0] + script_.writes[1], framed(large) + framed(large) + framed("small")
    );
    EXPECT_EQ(stream_->queued(), 0U);
}

TEST_F(stream_calls_test, a_claimed_length_takes_no_memory) {
    serve();
    arrive(framed(std::string(16 << 20, 'x')).substr(0, 4));
    arrive("x");
    arrive("x");
    EXPECT_LE(*std::ranges::max_element(script_.reads), buffer_pool::normal);
}

TEST_F(stream_calls_test, memory_for_a_frame_grows_with_what_has_come) {
    serve();
    const std::string raw = framed(std::string(8 << 20, 'x'));
    std::size_t come = 0;
    for (std::size_t at = 0; at < raw.size(); at += 1 << 20) {
        const std::string part = raw.substr(at, 1 << 20);
        come += part.size();
        arrive(part);
        EXPECT_LE(
            *std::ranges::max_element(script_.reads), std::max(2 * come, buffer_pool::normal)
        );
    }
    EXPECT_THAT(served_, ElementsAre(8U << 20));
    EXPECT_LT(script_.reads.size(), 100U);
}

TEST_F(stream_calls_test, one_read_a_turn) {
    // Three times what a first read has room for: each read but the last is full.
    script_.input = std::string(3 * buffer_pool::normal, '\0');
    const auto before = core_.turn_number();
    const auto drop = [](frame_stream& s) -> task<> {
        while (auto some = co_await s.read_some()) {
        }
    };
    asio::co_spawn(context_, drop(*stream_), asio::detached);
    arrive("");
    EXPECT_TRUE(script_.input.empty());
    EXPECT_GE(core_.turn_number() - before, script_.reads.size());
}

TEST_F(stream_calls_test, an_idle_stream_holds_no_buffer) {
    serve();
    arrive(framed("hello"));
    const block first = core_.buffers().take(buffer_pool::normal);
    const block second = core_.buffers().take(buffer_pool::normal);
    core_.buffers().give(second);
    core_.buffers().give(first);
    arrive(framed("hello"));  // takes and gives back the same two
    EXPECT_EQ(core_.buffers().take(buffer_pool::normal).data, first.data);
    EXPECT_EQ(core_.buffers().take(buffer_pool::normal).data, second.data);
    core_.buffers().give(second);
    core_.buffers().give(first);
}

TEST_F(stream_calls_test, after_a_large_payload_no_buffer_is_held) {
    const block kept = core_.buffers().take(buffer_pool::normal);
    core_.buffers().give(kept);
    static_cast<void>(stream_->write_frame("small"));  // takes it
    const std::string large(10'000, 'x');
    static_cast<void>(stream_->write_frame(large));
    EXPECT_EQ(stream_->queued(), 0U);
    const block again = core_.buffers().take(buffer_pool::normal);
    EXPECT_EQ(again.data, kept.data);
    core_.buffers().give(again);
}

TEST_F(stream_calls_test, a_part_of_a_frame_holds_a_small_buffer) {
    const block kept = core_.buffers().take(buffer_pool::normal);
    core_.buffers().give(kept);
    serve();
    arrive(framed("hello").substr(0, 6));
    const block again = core_.buffers().take(buffer_pool::normal);
    EXPECT_EQ(again.data, kept.data);
    core_.buffers().give(again);
    arrive(framed("hello").substr(6));
    EXPECT_THAT(served_, ElementsAre(5U));
}

TEST_F(stream_calls_test, what_nobody_looks_at_any_more_holds_no_buffer) {
    const block kept = core_.buffers().take(buffer_pool::normal);
    core_.buffers().give(kept);
    serve();
    arrive("\xff\xff\xff\xff");  // refused, and the peer goes on sending
    stream_.reset();
    const block again = core_.buffers().take(buffer_pool::normal);
    EXPECT_EQ(again.data, kept.data);
    core_.buffers().give(again);
}

}  // namespace
}  // namespace coserve
