#include <coserve/completion.hpp>

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <utility>

namespace coserve {
namespace {

namespace asio = boost::asio;

using told = completion<void(std::string)>;

// Counts what is allocated and not given back.
template <class T>
struct counting_allocator {
    using value_type = T;

    explicit counting_allocator(int& n) : live(&n) {}

    template <class U>
    counting_allocator(const counting_allocator<U>& other) : live(other.live) {}

    T* allocate(std::size_t n) {
        ++*live;
        return std::allocator<T>().allocate(n);
    }

    void deallocate(T* p, std::size_t n) {
        --*live;
        std::allocator<T>().deallocate(p, n);
    }

    bool operator==(const counting_allocator&) const = default;

    int* live;
};

// A handler of a size that decides where it is kept, which owns something.
template <std::size_t Size>
struct sized {
    std::shared_ptr<std::string> heard;
    std::array<char, Size> ballast{};

    void operator()(std::string text) { *heard = std::move(text); }
};

struct small {
    std::unique_ptr<std::shared_ptr<std::string>> heard;

    void operator()(std::string text) { **heard = std::move(text); }
};

TEST(completion_test, calls_what_it_keeps_and_is_empty_then) {
    const auto heard = std::make_shared<std::string>();
    told within = small{std::make_unique<std::shared_ptr<std::string>>(heard)};
    told outside = sized<100>{heard};
    for (told* each : {&within, &outside}) {
        EXPECT_TRUE(*each);
        std::move (*each)("hello");
        EXPECT_EQ(std::exchange(*heard, ""), "hello");
        EXPECT_FALSE(*each);
    }
    EXPECT_EQ(heard.use_count(), 1);
}

TEST(completion_test, is_moved_and_assigned) {
    const auto heard = std::make_shared<std::string>();
    const auto other = std::make_shared<std::string>();
    told a = small{std::make_unique<std::shared_ptr<std::string>>(heard)};
    told b = std::move(a);
    EXPECT_FALSE(a);
    told c = sized<100>{other};
    c = std::move(b);
    EXPECT_FALSE(b);
    EXPECT_EQ(other.use_count(), 1) << "what was kept before is destroyed";
    std::move(c)("hello");
    EXPECT_EQ(*heard, "hello");
}

TEST(completion_test, a_handler_that_is_not_called_is_destroyed) {
    const auto heard = std::make_shared<std::string>();
    {
        const told within = small{std::make_unique<std::shared_ptr<std::string>>(heard)};
        const told outside = sized<100>{heard};
        EXPECT_EQ(heard.use_count(), 3);
    }
    EXPECT_EQ(heard.use_count(), 1);
}

TEST(completion_test, a_large_handler_lies_where_its_allocator_says) {
    int live = 0, while_called = -1;
    told kept = asio::bind_allocator(
        counting_allocator<char>(live),
        [&, ballast = std::array<char, 100>()](const std::string&) {
            static_cast<void>(ballast);
            while_called = live;
        }
    );
    EXPECT_EQ(live, 1);
    std::move(kept)("hello");
    EXPECT_EQ(while_called, 0) << "its memory is free again before it runs";
}

TEST(completion_test, has_the_handlers_cancellation_slot) {
    asio::cancellation_signal stop;
    const told bound = asio::bind_cancellation_slot(stop.slot(), [](const std::string&) {});
    EXPECT_EQ(bound.get_cancellation_slot(), stop.slot());
    EXPECT_FALSE(told([](const std::string&) {}).get_cancellation_slot().is_connected());
    EXPECT_FALSE(told().get_cancellation_slot().is_connected());
}

// As where the handler owns the coroutine that owns what keeps it.
TEST(completion_test, its_owner_may_end_while_it_is_assigned) {
    struct owner {
        told kept;
    };

    auto o = std::make_shared<owner>();
    owner* const there = o.get();
    const std::weak_ptr<owner> watched = o;
    o->kept = [o](const std::string&) {};
    o.reset();
    ASSERT_FALSE(watched.expired());
    const told taken = std::exchange(there->kept, told());
    EXPECT_FALSE(watched.expired());
}

}  // namespace
}  // namespace coserve
