#include <coserve/sleep.hpp>
#include <coserve/task_group.hpp>
#include <coserve/testing/manual_clock.hpp>
#include <coserve/testing/run_coroutine.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace coserve {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

using words = std::vector<std::string>;

/// On a clock that moves by hand, so that the order is the same every time.
class task_group_test : public ::testing::Test {
protected:
    void run(task<> work) { testing::run_coroutine(context_, std::move(work)); }

    std::string failure(task<> work) {
        try {
            run(std::move(work));
        } catch (const std::exception& e) {
            return e.what();
        }
        return "none";
    }

    /// Runs what is ready now.
    void settle() {
        context_.restart();
        context_.poll();
    }

    void pass(duration time) {
        clock_.advance(time);
        settle();
    }

    io_context context_{1};
    testing::manual_clock clock_{context_};
    task_group group_{context_.get_executor()};
    words said_;
};

task<> say(words& said, std::string word, duration after = {}) {
    co_await sleep(after);
    said.push_back(std::move(word));
}

task<> throw_error(std::string what, duration after = {}) {
    co_await sleep(after);
    throw std::runtime_error(what);
}

/// Waits for ever, and says how that ended.
task<> wait_for_cancel(words& said) {
    try {
        co_await sleep(24h);
    } catch (const system_error& e) {
        said.push_back(e.code() == asio::error::operation_aborted ? "cancelled" : e.what());
        throw;
    }
}

task<> throw_when_cancelled(std::string what) {
    try {
        co_await sleep(24h);
    } catch (const system_error&) {
        throw std::runtime_error(what);
    }
}

task<> join(task_group& group) {
    co_await group.join();
}

/// Runs in the background; what it ended with is in `error`.
struct background {
    bool ended = false;
    std::exception_ptr error{};
};

std::shared_ptr<background> start(io_context& context, task<> work) {
    auto state = std::make_shared<background>();
    asio::co_spawn(context, std::move(work), [state](std::exception_ptr error) {
        state->ended = true;
        state->error = error;
    });
    return state;
}

// ---- spawn and join

TEST_F(task_group_test, starts_what_is_spawned_at_once) {
    const auto spawn = [](task_group& group, words& said) -> task<> {
        const auto speak = [](words* w) -> task<> {
            w->emplace_back("task");
            co_return;
        };
        group.spawn(speak, &said);
        said.emplace_back("spawned");
        co_await group.join();
    };
    run(spawn(group_, said_));
    EXPECT_THAT(said_, ElementsAre("task", "spawned"));
}

TEST_F(task_group_test, join_ends_at_once_where_nothing_runs) {
    run(group_.join());
    EXPECT_EQ(group_.size(), 0U);
}

TEST_F(task_group_test, join_waits_for_all) {
    group_.spawn(&say, std::ref(said_), std::string("late"), 2s);
    group_.spawn(&say, std::ref(said_), std::string("early"), 1s);
    EXPECT_EQ(group_.size(), 2U);
    const auto joined = start(context_, join(group_));
    settle();
    pass(1s);
    EXPECT_THAT(said_, ElementsAre("early"));
    EXPECT_EQ(group_.size(), 1U);
    EXPECT_FALSE(joined->ended);
    pass(1s);
    EXPECT_THAT(said_, ElementsAre("early", "late"));
    EXPECT_TRUE(joined->ended);
    EXPECT_FALSE(joined->error);
}

TEST_F(task_group_test, join_waits_for_those_spawned_meanwhile) {
    const auto spawn_another = [](task_group* group, words* said) -> task<> {
        co_await sleep(1s);
        group->spawn(&say, std::ref(*said), std::string("child"), 1s);
        said->emplace_back("parent");
    };
    group_.spawn(spawn_another, &group_, &said_);
    const auto joined = start(context_, join(group_));
    settle();
    pass(1s);
    EXPECT_THAT(said_, ElementsAre("parent"));
    EXPECT_FALSE(joined->ended);
    pass(1s);
    EXPECT_THAT(said_, ElementsAre("parent", "child"));
    EXPECT_TRUE(joined->ended);
}

TEST_F(task_group_test, a_joined_group_goes_on) {
    group_.spawn(&say, std::ref(said_), std::string("one"), 0s);
    clock_.advance(0s);
    const auto first = start(context_, join(group_));
    settle();
    pass(0s);
    ASSERT_TRUE(first->ended);
    group_.spawn(&say, std::ref(said_), std::string("two"), 0s);
    const auto second = start(context_, join(group_));
    settle();
    pass(0s);
    EXPECT_TRUE(second->ended);
    EXPECT_THAT(said_, ElementsAre("one", "two"));
}

TEST_F(task_group_test, tells_all_who_join) {
    group_.spawn(&say, std::ref(said_), std::string("done"), 1s);
    const auto first = start(context_, join(group_)), second = start(context_, join(group_));
    settle();
    EXPECT_FALSE(first->ended || second->ended);
    pass(1s);
    EXPECT_TRUE(first->ended && second->ended);
}

TEST_F(task_group_test, takes_ten_thousand) {
    int ended = 0;
    const auto count = [](int* n) -> task<> {
        co_await sleep(1s);
        ++*n;
    };
    for (int i = 0; i < 10'000; ++i)
        group_.spawn(count, &ended);
    const auto joined = start(context_, join(group_));
    settle();
    pass(1s);
    EXPECT_TRUE(joined->ended);
    EXPECT_EQ(ended, 10'000);
    EXPECT_EQ(group_.size(), 0U);
}

// ---- arguments

TEST_F(task_group_test, keeps_arguments_until_the_task_ends) {
    const auto hold = [](std::shared_ptr<int> held) -> task<> {
        co_await sleep(1s);
        EXPECT_EQ(*held, 7);
    };
    auto held = std::make_shared<int>(7);
    const std::weak_ptr<int> watch = held;
    group_.spawn(hold, std::move(held));
    settle();
    EXPECT_FALSE(watch.expired());
    pass(1s);
    EXPECT_TRUE(watch.expired());
}

TEST_F(task_group_test, takes_move_only_arguments) {
    const auto read = [](std::unique_ptr<std::string> text, words* said) -> task<> {
        co_await sleep(1s);
        said->push_back(*text);
    };
    group_.spawn(read, std::make_unique<std::string>("moved"), &said_);
    settle();
    pass(1s);
    EXPECT_THAT(said_, ElementsAre("moved"));
}

TEST_F(task_group_test, takes_member_functions) {
    struct speaker {
        task<> speak(std::string word) {
            co_await sleep(1s);
            said.push_back(word + "!");
        }

        words said;
    } speaker;

    group_.spawn(&speaker::speak, &speaker, std::string("hello"));
    settle();
    pass(1s);
    EXPECT_THAT(speaker.said, ElementsAre("hello!"));
}

// ---- errors

TEST_F(task_group_test, the_first_error_cancels_the_others_and_is_thrown_once) {
    group_.spawn(&wait_for_cancel, std::ref(said_));
    group_.spawn(&throw_error, std::string("broken"), 1s);
    group_.spawn(&wait_for_cancel, std::ref(said_));
    const auto joined = start(context_, join(group_));
    settle();
    EXPECT_FALSE(joined->ended);
    pass(1s);
    ASSERT_TRUE(joined->ended);
    EXPECT_THAT(said_, ElementsAre("cancelled", "cancelled"));
    ASSERT_TRUE(joined->error);
    try {
        std::rethrow_exception(joined->error);
    } catch (const std::runtime_error& e) {
        EXPECT_STREQ(e.what(), "broken");
    }
    EXPECT_EQ(failure(group_.join()), "none");
}

TEST_F(task_group_test, an_error_before_join_is_kept) {
    group_.spawn(&throw_error, std::string("early"), 1s);
    settle();
    pass(1s);
    EXPECT_EQ(group_.size(), 0U);
    EXPECT_EQ(failure(group_.join()), "early");
    EXPECT_EQ(failure(group_.join()), "none");
}

TEST_F(task_group_test, an_error_that_cancellation_causes_is_not_the_first) {
    group_.spawn(&throw_when_cancelled, std::string("second"));
    group_.spawn(&throw_error, std::string("first"), 1s);
    settle();
    pass(1s);
    EXPECT_EQ(failure(group_.join()), "first");
    EXPECT_EQ(failure(group_.join()), "none");
}

TEST_F(task_group_test, an_error_in_the_first_step_counts) {
    const auto spawn = [](task_group& group) -> task<> {
        const auto fail = []() -> task<> {
            throw std::runtime_error("at once");
            co_return;
        };
        group.spawn(fail);
        co_await group.join();
    };
    EXPECT_EQ(failure(spawn(group_)), "at once");
}

TEST_F(task_group_test, a_function_that_throws_before_it_is_a_coroutine_counts) {
    const auto refuse = []() -> task<> { throw std::runtime_error("refused"); };
    EXPECT_NO_THROW(group_.spawn(refuse));
    settle();
    EXPECT_EQ(failure(group_.join()), "refused");
}

TEST_F(task_group_test, a_cancellation_that_nobody_asked_for_is_an_error) {
    const auto abort = []() -> task<> {
        co_await sleep(1s);
        throw system_error(asio::error::operation_aborted);
    };
    group_.spawn(abort);
    settle();
    pass(1s);
    EXPECT_NE(failure(group_.join()), "none");
}

TEST_F(task_group_test, works_again_after_an_error) {
    group_.spawn(&throw_error, std::string("broken"), 0s);
    settle();
    pass(0s);
    EXPECT_EQ(failure(group_.join()), "broken");
    group_.spawn(&say, std::ref(said_), std::string("again"), 0s);
    settle();
    pass(0s);
    EXPECT_EQ(failure(group_.join()), "none");
    EXPECT_THAT(said_, ElementsAre("again"));
}

// ---- cancellation

TEST_F(task_group_test, cancel_is_no_error) {
    group_.spawn(&wait_for_cancel, std::ref(said_));
    group_.spawn(&wait_for_cancel, std::ref(said_));
    settle();
    group_.cancel();
    EXPECT_EQ(failure(group_.join()), "none");
    EXPECT_THAT(said_, ElementsAre("cancelled", "cancelled"));
}

TEST_F(task_group_test, cancel_reaches_what_has_not_begun) {
    group_.spawn(
        &wait_for_cancel, std::ref(said_)
    );  // outside of the context: it begins with its next turn
    group_.cancel();
    EXPECT_EQ(failure(group_.join()), "none");
    EXPECT_EQ(group_.size(), 0U);
}

TEST_F(task_group_test, cancel_leaves_those_spawned_later) {
    group_.cancel();
    group_.spawn(&say, std::ref(said_), std::string("later"), 1s);
    settle();
    pass(1s);
    EXPECT_THAT(said_, ElementsAre("later"));
}

TEST_F(task_group_test, an_error_after_cancel_is_an_error) {
    group_.spawn(&throw_when_cancelled, std::string("unclean"));
    settle();
    group_.cancel();
    EXPECT_EQ(failure(group_.join()), "unclean");
}

TEST_F(task_group_test, a_task_may_cancel_its_group) {
    const auto end_all = [](task_group* group) -> task<> {
        co_await sleep(1s);
        group->cancel();
    };
    group_.spawn(&wait_for_cancel, std::ref(said_));
    group_.spawn(end_all, &group_);
    const auto joined = start(context_, join(group_));
    settle();
    pass(1s);
    EXPECT_TRUE(joined->ended);
    EXPECT_FALSE(joined->error);
    EXPECT_THAT(said_, ElementsAre("cancelled"));
}

TEST_F(task_group_test, a_cancelled_join_throws_and_the_tasks_go_on) {
    group_.spawn(&say, std::ref(said_), std::string("done"), 1s);
    asio::cancellation_signal stop;
    background joined;
    auto on_end = [&](std::exception_ptr error) {
        joined.ended = true;
        joined.error = std::move(error);
    };
    asio::co_spawn(context_, join(group_), asio::bind_cancellation_slot(stop.slot(), on_end));
    settle();
    stop.emit(asio::cancellation_type::terminal);
    settle();
    ASSERT_TRUE(joined.ended);
    EXPECT_TRUE(joined.error);
    EXPECT_EQ(group_.size(), 1U);
    pass(1s);
    EXPECT_THAT(said_, ElementsAre("done"));
    EXPECT_EQ(failure(group_.join()), "none");
}

TEST_F(task_group_test, a_task_may_cancel_itself_before_it_first_waits) {
    const auto cancel_at_once = [](task_group* group) -> task<> {
        group->cancel();
        co_return;
    };
    const auto spawn = [](task_group& group, auto function) -> task<> {
        group.spawn(function, &group);
        co_await group.join();
    };
    EXPECT_EQ(failure(spawn(group_, cancel_at_once)), "none");
    EXPECT_EQ(group_.size(), 0U);
}

// ---- groups in groups

TEST_F(task_group_test, nested_errors_cancel_all_the_way_up) {
    const auto inner = [](words* said, executor where) -> task<> {
        task_group group(where);
        group.spawn(&wait_for_cancel, std::ref(*said));
        group.spawn(&throw_error, std::string("deep"), 1s);
        co_await group.join();
    };
    group_.spawn(&wait_for_cancel, std::ref(said_));
    group_.spawn(inner, &said_, context_.get_executor());
    settle();
    pass(1s);
    EXPECT_EQ(failure(group_.join()), "deep");
    EXPECT_THAT(said_, ElementsAre("cancelled", "cancelled"));
}

TEST_F(task_group_test, cancelling_the_outer_reaches_the_inner) {
    const auto inner = [](words* said, executor where) -> task<> {
        task_group group(where);
        group.spawn(&wait_for_cancel, std::ref(*said));
        try {
            co_await group.join();
        } catch (const system_error&) {
            said->emplace_back("join cancelled");
        }
    };
    group_.spawn(inner, &said_, context_.get_executor());
    settle();
    group_.cancel();
    EXPECT_EQ(failure(group_.join()), "none");
    settle();
    EXPECT_THAT(said_, UnorderedElementsAre("join cancelled", "cancelled"));
}

// ---- the end of a group, and of its context

TEST_F(task_group_test, a_destroyed_group_cancels_and_does_not_wait) {
    std::optional<task_group> group(context_.get_executor());
    group->spawn(&wait_for_cancel, std::ref(said_));
    settle();
    group.reset();
    EXPECT_THAT(said_, IsEmpty());
    settle();
    EXPECT_THAT(said_, ElementsAre("cancelled"));
}

TEST_F(task_group_test, a_group_may_be_destroyed_by_its_task) {
    std::optional<task_group> group(context_.get_executor());
    const auto end_group = [](std::optional<task_group>* g, words* said) -> task<> {
        co_await sleep(1s);
        g->reset();
        said->emplace_back("destroyed");
    };
    group->spawn(&wait_for_cancel, std::ref(said_));
    group->spawn(end_group, &group, &said_);
    settle();
    pass(1s);
    EXPECT_THAT(said_, UnorderedElementsAre("destroyed", "cancelled"));
}

TEST_F(task_group_test, moves_with_its_tasks) {
    group_.spawn(&say, std::ref(said_), std::string("moved"), 1s);
    task_group other(std::move(group_));
    EXPECT_EQ(other.size(), 1U);
    settle();
    pass(1s);
    EXPECT_EQ(other.size(), 0U);
    EXPECT_EQ(failure(other.join()), "none");
    EXPECT_THAT(said_, ElementsAre("moved"));
}

TEST_F(task_group_test, assignment_ends_what_it_had) {
    group_.spawn(&wait_for_cancel, std::ref(said_));
    settle();
    group_ = task_group(context_.get_executor());
    EXPECT_EQ(group_.size(), 0U);
    settle();
    EXPECT_THAT(said_, ElementsAre("cancelled"));
}

/// Everything that a coroutine holds is given back when its context ends, wherever it waits.
TEST(task_group_end_test, the_context_drops_tasks_and_those_who_join) {
    const auto held = std::make_shared<int>();
    {
        io_context context(1);
        const auto wait = [](std::shared_ptr<int>) -> task<> { co_await sleep(24h); };
        const auto own = [](std::shared_ptr<int> kept, executor where, auto function) -> task<> {
            task_group group(where);  // in the frame of the one who joins
            group.spawn(function, kept);
            group.spawn(function, kept);
            co_await group.join();
        };
        asio::co_spawn(context, own(held, context.get_executor(), wait), [](std::exception_ptr) {});
        context.poll();
        EXPECT_EQ(held.use_count(), 4);
    }
    EXPECT_EQ(held.use_count(), 1);
}

TEST(task_group_end_test, a_group_may_outlive_its_context) {
    std::optional<task_group> group;
    const auto held = std::make_shared<int>();
    {
        io_context context(1);
        group.emplace(context.get_executor());
        const auto wait = [](std::shared_ptr<int>) -> task<> { co_await sleep(24h); };
        group->spawn(wait, held);
        context.poll();
        EXPECT_EQ(held.use_count(), 2);
    }
    EXPECT_EQ(held.use_count(), 1);
    group->cancel();
    group.reset();
}

}  // namespace
}  // namespace coserve
