#include "byte_queue.hpp"

#include "poison.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <string_view>

namespace coserve {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

std::string text_of(const byte_queue& queue) {
    return {reinterpret_cast<const char*>(queue.data().data()), queue.size()};
}

class byte_queue_test : public ::testing::Test {
protected:
    ~byte_queue_test() override { queue_.release(pool_); }

    void append(std::string_view text) {
        if (!text.empty())
            std::ranges::copy(bytes_of(text), queue_.extend(pool_, text.size()));
    }

    buffer_pool pool_;
    byte_queue queue_;
};

TEST_F(byte_queue_test, holds_nothing_until_there_is_something) {
    EXPECT_TRUE(queue_.empty());
    EXPECT_EQ(queue_.capacity(), 0U);
    append("");
    EXPECT_EQ(queue_.capacity(), 0U);
    append("abc");
    EXPECT_EQ(text_of(queue_), "abc");
    EXPECT_EQ(queue_.capacity(), buffer_pool::normal);
}

TEST_F(byte_queue_test, takes_at_the_front_what_was_put_at_the_back) {
    append("abc");
    append("def");
    queue_.consume(2);
    EXPECT_EQ(text_of(queue_), "cdef");
    queue_.consume(4);
    EXPECT_TRUE(queue_.empty());
    queue_.consume(0);
    append("g");
    EXPECT_EQ(text_of(queue_), "g");
}

TEST_F(byte_queue_test, prepared_room_is_filled_by_its_user) {
    const auto room = queue_.prepare(pool_, 10);
    ASSERT_GE(room.size(), 10U);
    std::ranges::copy(bytes_of("hello"), room.begin());
    queue_.commit(5);
    EXPECT_EQ(text_of(queue_), "hello");
    EXPECT_GE(queue_.prepare(pool_, 300'000).size(), 300'000U);
    EXPECT_EQ(text_of(queue_), "hello");
}

TEST_F(byte_queue_test, a_block_that_is_used_up_is_filled_from_its_start_again) {
    append(std::string(buffer_pool::normal, 'a'));
    queue_.consume(buffer_pool::normal - 3);
    append("bcd");
    EXPECT_EQ(text_of(queue_), "aaabcd");
    EXPECT_EQ(queue_.capacity(), buffer_pool::normal);
}

TEST_F(byte_queue_test, grows_by_doubling) {
    std::size_t moves = 0, capacity = 0;
    for (int i = 0; i < 1000; ++i) {
        append(std::string(10'000, static_cast<char>(i)));
        if (queue_.capacity() != capacity)
            ++moves;
        capacity = queue_.capacity();
    }
    EXPECT_EQ(queue_.size(), 10'000'000U);
    EXPECT_LE(moves, 10U);
}

TEST_F(byte_queue_test, shrink_keeps_little_and_gives_the_rest_back) {
    append(std::string(100'000, 'x'));
    queue_.shrink(pool_);
    EXPECT_GE(queue_.capacity(), 100'000U);
    queue_.consume(100'000 - buffer_pool::small);
    queue_.shrink(pool_);
    EXPECT_EQ(queue_.capacity(), buffer_pool::small);
    EXPECT_EQ(text_of(queue_), std::string(buffer_pool::small, 'x'));
    queue_.consume(buffer_pool::small);
    queue_.shrink(pool_);
    EXPECT_EQ(queue_.capacity(), 0U);
}

TEST_F(byte_queue_test, release_drops_what_it_holds) {
    append("abc");
    queue_.release(pool_);
    EXPECT_TRUE(queue_.empty());
    EXPECT_EQ(queue_.capacity(), 0U);
    queue_.release(pool_);
}

#ifdef COSERVE_ASAN
TEST_F(byte_queue_test, what_was_used_up_is_poisoned) {
    append(std::string(64, 'x'));
    std::byte* const data = queue_.data().data();
    queue_.consume(32);
    EXPECT_TRUE(__asan_address_is_poisoned(data));
    EXPECT_TRUE(__asan_address_is_poisoned(data + 31));
    EXPECT_FALSE(__asan_address_is_poisoned(data + 32));
    queue_.consume(32);
    append("y");  // in the same place
    EXPECT_FALSE(__asan_address_is_poisoned(data));
}
#endif

// Random operations, and beside them the simplest thing that could be right.
TEST_F(byte_queue_test, agrees_with_a_string) {
    for (std::uint32_t seed = 0; seed < 30; ++seed) {
        std::mt19937 random(seed);
        std::string expected;
        const auto size = [&] {
            static constexpr std::array<std::size_t, 5> most{2, 100, 5000, 70'000, 200'000};
            return random() % most[random() % most.size()];
        };
        const auto more = [&](std::size_t of) {
            std::string text(of, static_cast<char>(random()));
            for (std::size_t i = 0; i < of; i += 97)
                text[i] = static_cast<char>(random());
            return text;
        };
        for (int step = 0; step < 200; ++step) {
            switch (random() % 6) {
            case 0:
            case 1: {
                const std::string text = more(size());
                append(text);
                expected += text;
                break;
            }
            case 2: {
                const auto room = queue_.prepare(pool_, size());
                const std::string text = more(std::min(size(), room.size()));
                std::ranges::copy(bytes_of(text), room.begin());
                queue_.commit(text.size());
                expected += text;
                break;
            }
            case 3:
            case 4: {
                const std::size_t used = std::min(size(), queue_.size());
                queue_.consume(used);
                expected.erase(0, used);
                break;
            }
            default:
                queue_.shrink(pool_);
            }
            ASSERT_TRUE(text_of(queue_) == expected) << "seed " << seed << ", step " << step;
        }
        queue_.release(pool_);
    }
}

}  // namespace
}  // namespace coserve
