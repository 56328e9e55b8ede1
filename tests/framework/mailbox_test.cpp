#include "stream_pair.hpp"

#include "stream_state.hpp"

#include <coserve/length_prefix.hpp>
#include <coserve/mailbox.hpp>

#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <thread>

namespace coserve {
namespace {

using namespace stream_check;
using ::testing::HasSubstr;
using testing::stream_options;
using result = mailbox::result;

bytes message(std::string_view text) {
    const auto* const data = reinterpret_cast<const std::byte*>(text.data());
    return {data, data + text.size()};
}

class mailbox_test : public stream_test {};

INSTANTIATE_TEST_SUITE_P(, mailbox_test, every_medium(), name_of);

TEST_P(mailbox_test, messages_go_out_in_order_behind_what_was_queued) {
    open();
    const mailbox box = near_->sender();
    static_cast<void>(near_->write_frame("queued before"));
    EXPECT_EQ(box.post(message("first")), result::queued);
    const std::vector<mailbox> copies(1, box);
    EXPECT_EQ(copies[0].post(message("")), result::queued);
    EXPECT_EQ(near_->sender().post(message(pattern(10'000))), result::queued);
    EXPECT_EQ(run(next(*far_)), "queued before");
    EXPECT_EQ(run(next(*far_)), "first");
    EXPECT_EQ(run(next(*far_)), "");
    EXPECT_EQ(run(next(*far_)), pattern(10'000));
}

TEST_P(mailbox_test, a_message_goes_out_while_the_stream_only_waits) {
    open();
    const auto reader = start(ignore(next(*near_)));
    turns();
    std::thread([box = near_->sender()] {
        EXPECT_EQ(box.post(message("from elsewhere")), result::queued);
    }).join();
    EXPECT_EQ(run(next(*far_)), "from elsewhere");
    EXPECT_FALSE(reader->done);
    far_->close();
    finish(reader);
}

TEST_P(mailbox_test, many_threads_may_post) {
    open();
    constexpr int threads = 4, count = 500;
    std::vector<std::thread> posting;
    for (int t = 0; t < threads; ++t)
        posting.emplace_back([t, box = near_->sender()] {
            for (int i = 0; i < count; ++i)
                while (box.post(message(std::to_string(t) + ":" + std::to_string(i))) ==
                       result::full)
                    std::this_thread::yield();
        });
    const auto read = [](frame_stream& s) -> task<std::vector<std::string>> {
        std::vector<std::string> got;
        while (got.size() < std::size_t{threads} * count)
            got.push_back(kept(co_await s.read_frame()).value());
        co_return got;
    };
    const auto got = run(read(*far_));
    for (auto& t : posting)
        t.join();
    std::map<std::string, int> due;
    for (const auto& text : got) {
        const std::size_t colon = text.find(':');
        EXPECT_EQ(text.substr(colon + 1), std::to_string(due[text.substr(0, colon)]++));
    }
    EXPECT_EQ(due.size(), std::size_t{threads});
}

TEST_P(mailbox_test, says_full_when_the_peer_does_not_read) {
    stream_options options;
    options.limits.high_water = 10'000;
    options.limits.low_water = 5000;
    open(options, {}, true);
    const mailbox box = near_->sender();
    int queued = 0;
    for (; queued < 10'000 && box.post(message(pattern(1000, queued))) == result::queued; ++queued)
        turns();
    EXPECT_LT(queued, 10'000);
    EXPECT_LE(near_->queued(), 10'000U + 1004);
    std::vector<std::string> got;
    const auto reader = start(all_frames(*far_), got);
    until([&] { return box.post(message("after")) == result::queued; });  // there is room again
    until([&] { return !got.empty() || near_->queued() == 0; });
    turns();
    until([&] { return near_->queued() == 0; });
    run(send_frame(*near_, "last"));
    near_->close();
    finish(reader);
    ASSERT_EQ(got.size(), static_cast<std::size_t>(queued) + 2);
    for (int i = 0; i < queued; ++i)
        EXPECT_TRUE(same_bytes(got[static_cast<std::size_t>(i)], pattern(1000, i)));
    EXPECT_EQ(got[got.size() - 2], "after");
}

TEST_P(mailbox_test, an_empty_mailbox_takes_a_message_of_any_size) {
    stream_options options;
    options.limits.high_water = options.limits.low_water = 100;
    open(options);
    EXPECT_EQ(near_->sender().post(message(pattern(100'000))), result::queued);
    EXPECT_EQ(near_->sender().post(message("x")), result::full);
    EXPECT_EQ(run(next(*far_)), pattern(100'000));
}

struct dropped final : stream_observer {
    void on_dropped_frame(const std::string& reason) noexcept override { told.push_back(reason); }

    std::vector<std::string> told;
};

TEST_P(mailbox_test, a_message_that_the_framing_cannot_hold_is_dropped_and_told_of) {
    stream_options options;
    options.limits.max_send_frame = 10;
    open(options);
    dropped log;
    near_->state().observe(&log);
    const mailbox box = near_->sender();
    EXPECT_EQ(box.post(message("before")), result::queued);
    EXPECT_EQ(box.post(message("eleven byte")), result::queued);
    EXPECT_EQ(box.post(message("after")), result::queued);
    EXPECT_EQ(run(next(*far_)), "before");
    EXPECT_EQ(run(next(*far_)), "after");
    ASSERT_EQ(log.told.size(), 1U);
    EXPECT_THAT(log.told[0], HasSubstr("11 bytes"));
    near_->state().observe(nullptr);
}

TEST_P(mailbox_test, says_closed_after_the_end) {
    for (int how = 0; how < 3; ++how) {
        open();
        const mailbox box = near_->sender();
        EXPECT_EQ(box.post(message("lost or sent")), result::queued);
        if (how == 0)
            near_->close();
        else if (how == 1)
            near_->abort();
        else
            near_.reset();
        EXPECT_EQ(box.post(message("too late")), result::closed) << how;
        if (near_) {
            EXPECT_EQ(near_->sender().post(message("too late")), result::closed) << how;
        }
        turns();
    }
}

TEST_P(mailbox_test, a_sender_made_after_the_end_says_closed) {
    open();
    near_->close();
    EXPECT_EQ(near_->sender().post(message("too late")), result::closed);
}

TEST_P(mailbox_test, says_closed_once_nothing_can_be_sent_any_more) {
    open();
    const mailbox box = near_->sender();
    far_->abort();
    run(gone(*near_));
    const auto write = [](frame_stream& s) -> task<> {
        for (;;) {
            co_await s.write_frame("x");
            co_await s.flush();
        }
    };
    EXPECT_TRUE(failure(write(*near_)));
    EXPECT_EQ(box.post(message("too late")), result::closed);
}

TEST_P(mailbox_test, outlives_stream_and_context) {
    mailbox box = [] {
        io_context context;
        testing::memory_wire wire(context);
        const frame_stream near = wire.open(testing::memory_wire::end::server);
        mailbox made = near.sender();
        EXPECT_EQ(made.post(message("never sent")), result::queued);
        return made;
    }();
    EXPECT_EQ(box.post(message("too late")), result::closed);
    std::optional<frame_stream> survivor;
    {
        io_context context;
        testing::memory_wire wire(context);
        survivor.emplace(wire.open(testing::memory_wire::end::server));
        box = survivor->sender();
    }
    EXPECT_EQ(box.post(message("too late")), result::closed);
    EXPECT_EQ(survivor->sender().post(message("too late")), result::closed);
}

TEST(mailbox_and_threads, may_post_while_the_stream_and_the_context_end) {
    for (int round = 0; round < 20; ++round) {
        auto context = std::make_unique<io_context>();
        std::atomic<bool> closed = false;
        std::thread posting;
        {
            const sockets pair = local_sockets();
            auto near = std::make_unique<frame_stream>(testing::open_socket(*context, pair[0]));
            const auto far =
                std::make_unique<frame_stream>(testing::open_socket(*context, pair[1]));
            posting = std::thread([box = near->sender(), &closed] {
                while (box.post(message("hello")) != result::closed) {
                }
                closed = true;
            });
            context->run_for(1ms);
            if (round % 2 == 0)
                near.reset();
            else
                context.reset();
            posting.join();
        }
        EXPECT_TRUE(closed);
        if (context)
            context->poll();
    }
}

}  // namespace
}  // namespace coserve
