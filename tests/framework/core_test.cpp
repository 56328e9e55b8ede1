#include "core.hpp"

#include <coserve/io.hpp>
#include <coserve/testing/manual_clock.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

namespace coserve {
namespace {

error_code code_of(const asio::any_io_executor& executor) {
    try {
        context_of(executor);
    } catch (const system_error& e) {
        return e.code();
    }
    return {};
}

TEST(io_test, only_the_own_executor_of_a_context_will_do) {
    io_context context;
    asio::thread_pool pool(1);
    EXPECT_EQ(&context_of(context.get_executor()), &context);
    EXPECT_EQ(code_of(asio::make_strand(context)), errc::wrong_executor);
    EXPECT_EQ(code_of(pool.get_executor()), errc::wrong_executor);
    EXPECT_EQ(code_of({}), errc::wrong_executor);
    pool.join();
}

struct told_at_end final : turn_end {
    explicit told_at_end(std::function<void()> f) : told(std::move(f)) {}

    void on_turn_end() noexcept override { told(); }

    std::function<void()> told;
};

class core_test : public ::testing::Test {
protected:
    void turns() {
        context_.restart();
        context_.poll();
    }

    io_context context_;
    core& core_ = core::of(context_);
};

TEST_F(core_test, there_is_one_for_each_context) {
    io_context other;
    EXPECT_EQ(&core::of(context_), &core_);
    EXPECT_NE(&core::of(other), &core_);
}

TEST_F(core_test, what_asks_in_a_turn_is_told_at_its_end) {
    int told = 0;
    told_at_end end([&] {
        EXPECT_TRUE(core_.in_turn());
        ++told;
    });
    {
        const core::turn turn(core_);
        core_.at_turn_end(end);
        EXPECT_EQ(told, 0);
    }
    EXPECT_EQ(told, 1);
    EXPECT_FALSE(core_.in_turn());
    turns();
    EXPECT_EQ(told, 1);
}

TEST_F(core_test, what_asks_outside_of_turns_is_told_in_the_next_one) {
    int told = 0;
    told_at_end first([&] { ++told; }), second([&] { ++told; });
    core_.at_turn_end(first);
    core_.at_turn_end(second);
    EXPECT_EQ(told, 0);
    turns();
    EXPECT_EQ(told, 2);
}

TEST_F(core_test, what_asks_at_the_end_of_a_turn_is_told_in_the_next_one) {
    int told = 0;
    told_at_end end([&] {
        if (++told < 3)
            core_.at_turn_end(end);
    });
    {
        const core::turn turn(core_);
        core_.at_turn_end(end);
    }
    EXPECT_EQ(told, 1);
    turns();
    EXPECT_EQ(told, 3);
}

TEST_F(core_test, counts_its_turns) {
    const auto before = core_.turn_number();
    {
        const core::turn turn(core_);
    }
    EXPECT_EQ(core_.turn_number(), before + 1);
}

struct guest final : resident {
    guest(core& c, std::vector<int>& l, int n) : where(c), log(l), number(n) { where.admit(*this); }

    void leave() { where.dismiss(*this); }

    void on_shutdown() noexcept override {
        log.push_back(number);
        if (other)
            other->leave();
    }

    core& where;
    std::vector<int>& log;
    int number;
    guest* other = nullptr;
};

TEST_F(core_test, residents_are_told_of_the_end_once) {
    std::vector<int> log;
    std::vector<std::unique_ptr<guest>> guests;
    {
        io_context context;
        core& c = core::of(context);
        for (int i = 0; i < 5; ++i)
            guests.push_back(std::make_unique<guest>(c, log, i));
        guests[1]->leave();
        guests[1]->leave();
        guests[4]->other = guests[0].get();
    }
    EXPECT_THAT(log, ::testing::UnorderedElementsAre(2, 3, 4));
}

TEST_F(core_test, a_context_that_ends_tells_what_asked_for_the_end_of_a_turn) {
    int told = 0;
    told_at_end end([&] { ++told; });
    {
        io_context context;
        core::of(context).at_turn_end(end);
    }
    EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace coserve
