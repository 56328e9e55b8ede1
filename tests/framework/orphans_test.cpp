#include "orphans.hpp"

#include "forked.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <sys/resource.h>

namespace coserve {
namespace {

constexpr std::uint64_t highest = std::uint64_t{1} << 62, lowest = std::uint64_t{1} << 40;
constexpr std::uint64_t room = std::uint64_t{1} << 20;

/// What a process that is itself given this mark gives to its first two children.
struct two_marks {
    std::uint64_t first = 0, second = 0;
};

/// 0: it has none. In a child, because that adopts orphans.
two_marks marks_below(std::uint64_t own) {
    return forked([own] {
        const rlimit mark{own, own};
        if (own != 0 && ::setrlimit(RLIMIT_RTTIME, &mark) != 0)
            return two_marks();
        orphans all;
        all.adopt_from_now_on();
        const orphans::mark first = all.make_mark(), second = all.make_mark();
        return two_marks{first.limit(), second.limit()};
    });
}

TEST(orphans_test, marks_are_lower_by_the_room_that_a_server_below_needs) {
    const two_marks marks = marks_below(0);
    EXPECT_EQ(marks.first, highest - room);
    EXPECT_EQ(marks.second, highest - 2 * room);
}

TEST(orphans_test, marks_of_a_server_below_stay_within_its_room) {
    const std::uint64_t own = highest - room;
    const two_marks marks = marks_below(own);
    EXPECT_EQ(marks.first, own - 1);
    EXPECT_EQ(marks.second, own - 2);
}

/// A limit that could be reached is none to tell anybody by.
TEST(orphans_test, no_mark_is_so_low_that_it_limits) {
    const two_marks marks = marks_below(lowest + 2);
    EXPECT_EQ(marks.first, lowest + 1);
    EXPECT_EQ(marks.second, 0U);
}

TEST(orphans_test, nobody_is_marked_where_none_are_adopted) {
    orphans all;
    EXPECT_FALSE(all.make_mark());
}

}  // namespace
}  // namespace coserve
