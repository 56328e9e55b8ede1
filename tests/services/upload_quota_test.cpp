#include "src/upload_quota.hpp"

#include "protocol/upload_error.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <thread>

namespace coserve {
namespace {

using namespace std::chrono_literals;

class upload_quota_test : public testing::Test {
protected:
    bool fits(std::uint64_t size, std::uint64_t kept = 0) {
        try {
            quota.claim(size, 1000, kept);
        } catch (const upload_error& e) {
            EXPECT_EQ(e.word(), "quota");
            return false;
        }
        return true;
    }

    /// Claims of no byte more than `size` fit.
    void expect_room(std::uint64_t size) {
        EXPECT_FALSE(fits(size + 1));
        EXPECT_TRUE(fits(size));
        quota.unclaim(size);
    }

    std::uint64_t there = 0;
    unsigned counted = 0;
    std::chrono::milliseconds lasts = 0ms;
    upload_quota quota{[this] {
        ++counted;
        std::this_thread::sleep_for(lasts);
        return there;
    }};
};

TEST_F(upload_quota_test, takes_what_is_on_its_way_for_there) {
    there = 300;
    expect_room(700);
    EXPECT_TRUE(fits(600));
    expect_room(100);
    quota.unclaim(600);
    expect_room(700);
}

TEST_F(upload_quota_test, counts_a_file_that_was_stored_once) {
    expect_room(1000);
    EXPECT_TRUE(fits(600));
    const unsigned counts = quota.counts();
    there = 600;
    quota.settle(600, 0, counts);
    expect_room(400);
}

TEST_F(upload_quota_test, counts_a_file_that_was_stored_while_it_counted_once) {
    EXPECT_TRUE(fits(600));
    const unsigned counts = quota.counts();
    there = 600;
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (quota.counts() == counts && std::chrono::steady_clock::now() < end)
        EXPECT_FALSE(fits(500)) << "in the end it counts again, with that file there";
    quota.settle(600, 0, counts);
    expect_room(400);
}

TEST_F(upload_quota_test, gives_back_what_is_replaced) {
    there = 900;
    expect_room(100);
    EXPECT_TRUE(fits(50));
    const unsigned counts = quota.counts();
    there = 250;
    quota.settle(50, 700, counts);
    expect_room(750);
}

TEST_F(upload_quota_test, counts_a_partial_file_once) {
    quota.add_kept(400);
    expect_room(600);
    EXPECT_TRUE(fits(1000, 400)) << "the rest of it";
    EXPECT_FALSE(fits(1));
    quota.unclaim(1000, 500);
    expect_room(500);
    quota.remove_kept(500);
    expect_room(1000);
}

TEST_F(upload_quota_test, sees_that_somebody_has_removed_files) {
    there = 1000;
    EXPECT_FALSE(fits(1));
    there = 0;
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (!fits(1000) && std::chrono::steady_clock::now() < end) {
    }
    EXPECT_FALSE(fits(1));
}

TEST_F(upload_quota_test, reads_the_directory_for_no_more_than_a_tenth_of_the_time) {
    there = 1000;
    lasts = 20ms;
    for (int i = 0; i < 1000; ++i)
        EXPECT_FALSE(fits(1));
    EXPECT_EQ(counted, 1U);
}

TEST_F(upload_quota_test, has_room_for_all_where_there_is_none) {
    there = 1000;
    quota.claim(5000, 0);
    EXPECT_EQ(counted, 0U);
}

}  // namespace
}  // namespace coserve
