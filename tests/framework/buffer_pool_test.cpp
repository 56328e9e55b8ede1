#include "buffer_pool.hpp"

#include "poison.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace coserve {
namespace {

constexpr std::size_t small = buffer_pool::small, normal = buffer_pool::normal;

class buffer_pool_test : public ::testing::Test {
protected:
    ~buffer_pool_test() override {
        for (const block b : taken_)
            pool_.give(b);
    }

    block take(std::size_t least) {
        taken_.push_back(pool_.take(least));
        return taken_.back();
    }

    /// The one taken last.
    void give() {
        pool_.give(taken_.back());
        taken_.pop_back();
    }

    buffer_pool pool_;
    std::vector<block> taken_;
};

TEST_F(buffer_pool_test, gives_at_least_what_is_asked_for) {
    EXPECT_EQ(take(0).size, small);
    EXPECT_EQ(take(1).size, small);
    EXPECT_EQ(take(small).size, small);
    EXPECT_EQ(take(small + 1).size, normal);
    EXPECT_EQ(take(normal).size, normal);
    EXPECT_EQ(take(normal + 1).size, 2 * normal);
    EXPECT_EQ(take(3 * normal).size, 4 * normal);
    for (const block b : taken_)
        std::memset(b.data, 1, b.size);
}

TEST_F(buffer_pool_test, the_last_given_back_is_the_first_taken) {
    for (const std::size_t size : {small, normal}) {
        const block first = take(size), second = take(size), third = take(size);
        give();
        give();
        EXPECT_EQ(take(size).data, second.data);
        EXPECT_EQ(take(size).data, third.data);
        give();
        give();
        give();
        EXPECT_EQ(take(size).data, first.data);
    }
}

TEST_F(buffer_pool_test, sizes_are_kept_apart) {
    const block one = take(small);
    give();
    const block other = take(normal);
    EXPECT_NE(one.data, other.data);
    EXPECT_EQ(other.size, normal);
}

TEST_F(buffer_pool_test, takes_back_more_than_it_keeps) {
    for (int i = 0; i < 1000; ++i) {
        take(small);
        if (i % 10 == 0)
            take(normal);
    }
    while (!taken_.empty())
        give();
    for (int i = 0; i < 1000; ++i)
        std::memset(take(small).data, 1, small);
}

#ifdef COSERVE_ASAN
TEST_F(buffer_pool_test, what_it_keeps_is_poisoned) {
    for (const std::size_t size : {small, normal}) {
        const block b = take(size);
        EXPECT_FALSE(__asan_address_is_poisoned(b.data));
        give();
        EXPECT_TRUE(__asan_address_is_poisoned(b.data));
        EXPECT_TRUE(__asan_address_is_poisoned(b.data + b.size - 1));
        take(size);
        EXPECT_EQ(__asan_region_is_poisoned(b.data, b.size), nullptr);
    }
}
#endif

}  // namespace
}  // namespace coserve
