#include "stream_pair.hpp"

#include <coserve/raw.hpp>
#include <coserve/sleep.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gmock/gmock.h>

#include <variant>

namespace coserve {
namespace {

using namespace stream_check;
using namespace asio::experimental::awaitable_operators;
using ::testing::ElementsAre;
using testing::stream_options;

const error_code aborted = asio::error::operation_aborted;

class stream_cancel_test : public stream_test {
protected:
    /// Beside the test, and cancelled by `cancel_`.
    std::shared_ptr<beside> start_cancellable(task<> work) {
        auto state = std::make_shared<beside>();
        asio::co_spawn(
            context_,
            std::move(work),
            asio::bind_cancellation_slot(
                cancel_.slot(),
                [state](std::exception_ptr error) {
                    state->done = true;
                    state->error = error;
                }
            )
        );
        turns();
        return state;
    }

    void cancel(const std::shared_ptr<beside>& b) {
        EXPECT_FALSE(b->done);
        cancel_.emit(asio::cancellation_type::terminal);
        EXPECT_EQ(failure(b), aborted);
    }

    asio::cancellation_signal cancel_;
};

INSTANTIATE_TEST_SUITE_P(, stream_cancel_test, every_medium(), name_of);

// ---- cancellation

TEST_P(stream_cancel_test, a_cancelled_read_loses_nothing) {
    open();
    const std::string raw = framed("hello") + framed("world");
    for (std::size_t size = 1; size < 9; ++size) {
        finish(start(send(*far_, raw.substr(size - 1, 1))));
        const auto reader = start_cancellable(ignore(next(*near_)));
        until([&] { return arrived() == 0; });
        cancel(reader);
    }
    finish(start(send(*far_, raw.substr(8))));
    EXPECT_EQ(run(next(*near_)), "hello");
    EXPECT_EQ(run(next(*near_)), "world");
}

TEST_P(stream_cancel_test, a_cancelled_read_of_any_kind_loses_nothing) {
    open();
    finish(start(send(*far_, "begun, ")));
    const auto first = start_cancellable(ignore(exactly(*near_, 100)));
    until([&] { return arrived() == 0; });
    cancel(first);
    const auto second = start_cancellable(ignore(before(*near_, "\n")));
    cancel(second);
    finish(start(send(*far_, "ended\nand more")));
    EXPECT_EQ(run(before(*near_, "\n")), "begun, ended");
    EXPECT_EQ(run(exactly(*near_, 8)), "and more");
    const auto third = start_cancellable(ignore(some(*near_)));
    cancel(third);
    const auto fourth = start_cancellable(ignore(next(*near_, 1h)));
    cancel(fourth);
    finish(start(send_frame(*far_, "frame")));
    EXPECT_EQ(run(next(*near_)), "frame");
}

TEST_P(stream_cancel_test, a_read_with_a_callback_can_be_cancelled_alone) {
    open();
    std::exception_ptr error;
    near_->read_frame()(asio::bind_cancellation_slot(
        cancel_.slot(), [&](std::exception_ptr e, std::optional<frame>) { error = e; }
    ));
    turns();
    cancel_.emit(asio::cancellation_type::terminal);
    EXPECT_FALSE(error);  // not from within
    cancel_.emit(asio::cancellation_type::terminal);
    std::optional<std::string> got;
    const auto other = start(next(*near_), got);  // may begin at once
    until([&] { return error != nullptr; });
    EXPECT_EQ(code_of(error), aborted);
    finish(start(send_frame(*far_, "for the other")));
    finish(other);
    EXPECT_EQ(got, "for the other");
}

TEST_P(stream_cancel_test, waiting_writers_can_be_cancelled_and_lose_nothing) {
    open({}, {}, true);
    block(*near_);
    const auto writer = start_cancellable(send_frame(*near_, "queued all the same"));
    cancel(writer);
    const auto flush = start_cancellable(flushed(*near_));
    cancel(flush);
    const auto watcher = start_cancellable(gone(*near_));
    cancel(watcher);
    near_->close();
    EXPECT_EQ(behind_filler(run(all_bytes(*far_))), framed("queued all the same"));
}

TEST_P(stream_cancel_test, a_cancelled_coroutine_may_own_the_stream) {
    open();
    const auto own = [](frame_stream s) -> task<> { co_await s.read_frame(); };
    const auto reader = start_cancellable(own(std::move(*near_)));
    cancel(reader);
    EXPECT_EQ(run(next(*far_)), std::nullopt);
}

// ---- with timers

task<bool> next_before(frame_stream& s, asio::steady_timer& timer, std::vector<std::string>& got) {
    const auto read = [](frame_stream& from, std::vector<std::string>& into) -> task<> {
        into.push_back(kept(co_await from.read_frame()).value());
    };
    const auto first = co_await (read(s, got) || timer.async_wait(asio::use_awaitable));
    co_return first.index() == 0;
}

TEST_P(stream_cancel_test, the_first_of_a_read_and_a_timer_ends_the_other) {
    open();
    const auto read = [](frame_stream& s, std::vector<std::string>& got) -> task<int> {
        asio::steady_timer timer(co_await asio::this_coro::executor);
        int late = 0;
        while (got.size() < 20) {
            timer.expires_after(1ms);
            const bool in_time = co_await next_before(s, timer, got);
            late += in_time ? 0 : 1;
        }
        co_return late;
    };
    const auto write = [](frame_stream& s) -> task<> {
        asio::steady_timer timer(co_await asio::this_coro::executor);
        for (int i = 0; i < 20; ++i) {
            const std::string raw = framed(std::to_string(i));
            for (const char c : raw) {
                co_await s.write(std::string_view(&c, 1));
                timer.expires_after(500us);
                co_await timer.async_wait(asio::use_awaitable);
            }
        }
    };
    const auto writer = start(write(*far_));
    std::vector<std::string> got;
    EXPECT_GT(run(read(*near_, got)), 0);
    finish(writer);
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(got[static_cast<std::size_t>(i)], std::to_string(i));
}

TEST_P(stream_cancel_test, the_first_of_a_write_and_a_sleep_ends_the_other) {
    testing::manual_clock clock(context_);
    open({}, {}, true);
    block(*near_);
    std::size_t first = 2;
    const auto race = [](frame_stream& s, std::size_t& index) -> task<> {
        const auto winner = co_await (flushed(s) || sleep(5s));
        index = winner.index();
    };
    const auto racing = start(race(*near_, first));
    turns();
    clock.advance(5s);
    finish(racing);
    EXPECT_EQ(first, 1U);
    std::string got;
    const auto reader = start(all_bytes(*far_), got);
    run(race(*near_, first));
    EXPECT_EQ(first, 0U);
    near_->close();
    finish(reader);
}

// ---- coroutines that are no tasks

asio::awaitable<int> plain_echo(frame_stream& s) {
    int count = 0;
    while (const auto f = co_await s.read_frame()(asio::use_awaitable)) {
        co_await s.write_frame (*f)(asio::use_awaitable);
        ++count;
    }
    co_await s.flush()(asio::use_awaitable);
    s.close();
    co_return count;
}

asio::awaitable<std::vector<std::string>> plain_reads(frame_stream& s) {
    std::vector<std::string> got;
    got.push_back(kept(co_await s.read_frame()).value());
    got.push_back(kept(co_await s.read_exactly(3)(asio::use_awaitable)).value());
    got.push_back(kept(co_await s.read_until("\r\n")(asio::use_awaitable)).value());
    got.push_back(kept(co_await s.read_frame(1h)(asio::use_awaitable)).value());
    got.push_back(kept(co_await s.read_some()(asio::use_awaitable)).value());
    co_await s.closed()(asio::use_awaitable);
    co_return got;
}

TEST_P(stream_cancel_test, a_plain_awaitable_echoes) {
    open();
    int count = 0;
    const auto server = start(task<int>(plain_echo(*near_)), count);
    finish(start(send(*far_, framed("a") + framed("") + framed(pattern(100'000)))));
    finish_far();
    EXPECT_THAT(run(all_frames(*far_)), ElementsAre("a", "", pattern(100'000)));
    finish(server);
    EXPECT_EQ(count, 3);
}

TEST_P(stream_cancel_test, a_plain_awaitable_reads_in_every_way) {
    for (const bool at_once : {true, false}) {
        open();
        std::vector<std::string> got;
        const auto write = [](frame_stream& s, bool all) -> task<> {
            for (const std::string& part :
                 {framed("one"),
                  std::string("abc"),
                  std::string("line\r\n"),
                  framed("two"),
                  std::string("rest")}) {
                co_await s.write(part);
                if (!all)
                    co_await s.flush();
            }
            co_await s.flush();
        };
        const auto reader = start(task<std::vector<std::string>>(plain_reads(*near_)), got);
        finish(start(write(*far_, at_once)));
        turns();
        far_->close();
        finish(reader);
        EXPECT_THAT(got, ElementsAre("one", "abc", "line", "two", "rest"));
    }
}

/// Frames without a payload: each is one byte.
class tiny_codec final : public codec {
public:
    decoded decode(std::span<const std::byte> input) override {
        if (input.empty())
            return {};
        return {.what = decoded::outcome::frame, .offset = 1, .consumed = 1};
    }

    unfinished_frame unfinished(std::size_t) const noexcept override { return {}; }

    error_code encode(frame_view, frame_view, envelope& out) override {
        out.make_prefix(1)[0] = std::byte{};
        return {};
    }
};

asio::awaitable<int> plain_count(frame_stream& s) {
    int count = 0;
    while (auto f = co_await s.read_frame()(asio::use_awaitable))
        ++count;
    co_return count;
}

task<int> count_frames(frame_stream& s) {
    int count = 0;
    while (auto f = co_await s.read_frame())
        ++count;
    co_return count;
}

TEST_P(stream_cancel_test, many_buffered_frames_are_no_recursion) {
    for (const bool plain : {true, false}) {
        open(stream_options([] { return std::make_unique<tiny_codec>(); }));
        const auto sender = start(send(*far_, std::string(100'000, '\0')));
        int count = 0;
        const auto reader =
            start(plain ? task<int>(plain_count(*near_)) : count_frames(*near_), count);
        finish(sender);
        far_->close();
        finish(reader);
        EXPECT_EQ(count, 100'000);
    }
}

TEST_P(stream_cancel_test, many_writes_that_need_not_wait_are_no_recursion) {
    open(stream_options([] { return std::make_unique<tiny_codec>(); }));
    const auto write = [](frame_stream& s) -> asio::awaitable<void> {
        for (int i = 0; i < 20'000; ++i)
            co_await s.write_frame("")(asio::use_awaitable);
        s.close();
    };
    const auto writer = start(task<>(write(*near_)));
    EXPECT_EQ(run(all_bytes(*far_)).size(), 20'000U);
    finish(writer);
}

}  // namespace
}  // namespace coserve
