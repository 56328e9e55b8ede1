#include <coserve/core_local.hpp>
#include <coserve/core_pool.hpp>

#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <sched.h>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace coserve {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

TEST(core_pool_test, has_a_context_for_each_core) {
    core_pool pool(3);
    EXPECT_EQ(pool.size(), 3U);
    EXPECT_NE(&pool[0], &pool[1]);
    EXPECT_NE(&pool[1], &pool[2]);
}

TEST(core_pool_test, has_as_many_cores_as_the_mask_by_default) {
    const core_pool pool;
    EXPECT_EQ(pool.size(), available_cores());
    EXPECT_GE(available_cores(), 1U);
}

/// Calls `work` on each core, and stops the pool when all have.
template <class F>
void on_each_core(core_pool& pool, F work) {
    std::atomic<std::size_t> left = pool.size();
    for (std::size_t i = 0; i < pool.size(); ++i)
        asio::post(pool[i], [&, i] {
            work(i);
            if (--left == 0)
                pool.stop();
        });
    pool.run();
}

TEST(core_pool_test, runs_each_context_on_a_thread_of_its_own) {
    core_pool pool(3);
    std::vector<std::thread::id> threads(3);
    std::vector<std::size_t> cores(3);
    on_each_core(pool, [&](std::size_t i) {
        threads[i] = std::this_thread::get_id();
        cores[i] = this_core();
    });
    EXPECT_EQ(threads[0], std::this_thread::get_id()) << "the caller's is core 0's";
    EXPECT_EQ(std::set<std::thread::id>(threads.begin(), threads.end()).size(), 3U);
    EXPECT_THAT(cores, ElementsAre(0, 1, 2));
    EXPECT_EQ(this_core(), 0U);
}

TEST(core_pool_test, goes_on_without_work) {
    core_pool pool(2);
    std::thread stopper([&] {
        std::atomic<bool> ran = false;
        asio::post(pool[1], [&] { ran = true; });
        while (!ran)
            std::this_thread::yield();
        pool.stop();
    });
    pool.run();
    stopper.join();
}

TEST(core_pool_test, stopped_before_it_runs_returns_at_once) {
    core_pool pool(2);
    pool.stop();
    pool.run();
}

TEST(core_pool_test, an_exception_stops_all_and_is_thrown) {
    for (const std::size_t where : {0U, 1U}) {
        core_pool pool(2);
        asio::post(pool[where], [] { throw std::runtime_error("broken"); });
        EXPECT_THROW(pool.run(), std::runtime_error);
    }
}

TEST(core_pool_test, the_first_exception_is_thrown) {
    core_pool pool(2);
    for (std::size_t i = 0; i < 2; ++i)
        asio::post(pool[i], [] { throw std::runtime_error("broken"); });
    EXPECT_THROW(pool.run(), std::runtime_error);
}

std::vector<int> processors_of_this_thread() {
    cpu_set_t mask;
    std::vector<int> all;
    if (::sched_getaffinity(0, sizeof mask, &mask) == 0)
        for (int i = 0; i < CPU_SETSIZE; ++i)
            if (CPU_ISSET(i, &mask))
                all.push_back(i);
    return all;
}

TEST(core_pool_test, pins_each_thread_to_one_processor) {
    const auto allowed = processors_of_this_thread();
    core_pool pool(3, true);
    std::vector<std::vector<int>> masks(3);
    on_each_core(pool, [&](std::size_t i) { masks[i] = processors_of_this_thread(); });
    for (std::size_t i = 0; i < 3; ++i)
        EXPECT_THAT(masks[i], ElementsAre(allowed[i % allowed.size()]));
    EXPECT_EQ(processors_of_this_thread(), allowed) << "the caller's is given back as it was";
}

TEST(core_pool_test, leaves_threads_alone_unless_asked) {
    const auto allowed = processors_of_this_thread();
    core_pool pool(2);
    std::vector<std::vector<int>> masks(2);
    on_each_core(pool, [&](std::size_t i) { masks[i] = processors_of_this_thread(); });
    EXPECT_THAT(masks, Each(allowed));
}

TEST(core_local_test, is_an_object_for_each_core) {
    core_pool pool(3);
    const core_local<int> count(pool.size());
    const std::vector<core_local<int>> copies(1, count);
    on_each_core(pool, [&](std::size_t i) {
        *count += static_cast<int>(i) + 1;
        *copies[0] += 10;
    });
    std::vector<int> counts;
    count.all([&](int n) { counts.push_back(n); });
    EXPECT_THAT(counts, ElementsAre(11, 12, 13));
}

TEST(core_local_test, of_too_few_cores_throws) {
    core_pool pool(2);
    const core_local<int> count(1);
    asio::post(pool[1], [&] { ++*count; });
    EXPECT_THROW(pool.run(), std::out_of_range);
}

}  // namespace
}  // namespace coserve
