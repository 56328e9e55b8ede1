#include "src/exec_places.hpp"

#include <coserve/io.hpp>
#include <coserve/testing/run_coroutine.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace coserve {
namespace {

using ticket = exec_places::ticket;

TEST(exec_places_test, admit_so_many_and_then_the_first_in_line) {
    io_context context{1};
    const exec_places places;
    std::vector<ticket> all;
    for (int i = 0; i < 4; ++i)
        all.push_back(*places.enter(context.get_executor(), 2));
    EXPECT_TRUE(testing::run_coroutine(context, all[0].admitted()));
    EXPECT_TRUE(testing::run_coroutine(context, all[1].admitted()));
    std::vector<int> admitted;
    for (int i : {3, 2})
        boost::asio::co_spawn(context, all[i].admitted(), [&, i](std::exception_ptr, bool) {
            admitted.push_back(i);
        });
    context.poll();
    EXPECT_TRUE(admitted.empty());
    all.erase(all.begin());
    context.restart();
    context.poll();
    EXPECT_EQ(admitted, std::vector{2});
}

TEST(exec_places_test, turn_away_who_is_one_too_many) {
    io_context context{1};
    const exec_places places;
    std::vector<ticket> all;
    while (auto t = places.enter(context.get_executor(), 1))
        all.push_back(std::move(*t));
    EXPECT_EQ(all.size(), 1 + 256U);
    all.pop_back();
    EXPECT_TRUE(places.enter(context.get_executor(), 1));
    EXPECT_TRUE(places.enter(context.get_executor(), 2));  // whose listener has one place more
}

TEST(exec_places_test, can_be_waited_for_no_longer) {
    io_context context{1};
    const exec_places places;
    const auto first = places.enter(context.get_executor(), 1);
    auto second = places.enter(context.get_executor(), 1);
    std::optional<bool> admitted;
    boost::asio::co_spawn(context, second->admitted(), [&](std::exception_ptr, bool b) {
        admitted = b;
    });
    context.poll();
    second->abandon();
    context.restart();
    context.poll();
    EXPECT_EQ(admitted, false);
}

struct counts {
    std::atomic<int> inside{0}, most{0}, done{0};
};

task<> work(exec_places places, counts* c) {
    const executor here = context_of(co_await asio::this_coro::executor).get_executor();
    for (int i = 0; i < 200; ++i) {
        auto place = places.enter(here, 3);
        co_await place->admitted();
        const int inside = ++c->inside;
        int most = c->most;
        while (most < inside && !c->most.compare_exchange_weak(most, inside)) {
        }
        co_await asio::post(here, asio::use_awaitable);
        --c->inside;
    }
    ++c->done;
}

TEST(exec_places_test, are_shared_by_all_cores) {
    const exec_places places;
    counts c;
    std::vector<std::thread> cores;
    for (int i = 0; i < 4; ++i)
        cores.emplace_back([&] {
            io_context context{1};
            for (int k = 0; k < 4; ++k)
                asio::co_spawn(context, work(places, &c), asio::detached);
            context.run();
        });
    for (std::thread& t : cores)
        t.join();
    EXPECT_EQ(c.done, 16);
    EXPECT_EQ(c.most, 3);
    EXPECT_EQ(c.inside, 0);
}

}  // namespace
}  // namespace coserve
