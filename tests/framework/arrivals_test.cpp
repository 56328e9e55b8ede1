#include "arrivals.hpp"

#include "stream_pair.hpp"
#include "unique_fd.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace coserve {
namespace {

class arrivals_test : public ::testing::Test {
protected:
    arrivals_test() {
        const stream_check::sockets pair = stream_check::local_sockets();
        near_ = unique_fd(pair[0]);
        far_ = unique_fd(pair[1]);
    }

    void arrive() const { ASSERT_EQ(::send(far_.get(), "x", 1, 0), 1); }

    static bool moves(arrivals& more, std::uint64_t size) {
        return !more.repeat(static_cast<ssize_t>(size));
    }

    /// After a call that found nothing.
    static bool repeats(arrivals& more) {
        errno = EAGAIN;
        const bool repeats = more.repeat(-1);
        EXPECT_EQ(errno, EAGAIN);
        return repeats;
    }

    unique_fd near_, far_;
};

TEST_F(arrivals_test, a_fast_sender_is_waited_for) {
    arrivals more(near_.get());
    EXPECT_TRUE(moves(more, arrivals::fast));
    arrive();
    EXPECT_TRUE(repeats(more));
}

TEST_F(arrivals_test, a_slow_one_is_not) {
    arrivals more(near_.get());
    EXPECT_TRUE(moves(more, arrivals::fast - 1));
    arrive();
    EXPECT_FALSE(repeats(more));
    EXPECT_TRUE(moves(more, 1));
    EXPECT_TRUE(repeats(more));
}

TEST_F(arrivals_test, what_is_there_and_cannot_be_had_is_asked_for_once) {
    arrivals more(near_.get());
    EXPECT_TRUE(moves(more, arrivals::fast));
    arrive();
    EXPECT_TRUE(repeats(more));
    EXPECT_FALSE(repeats(more));
}

TEST_F(arrivals_test, who_drips_has_no_more_than_so_much_of_the_thread) {
    arrivals more(near_.get());
    EXPECT_TRUE(moves(more, arrivals::fast));
    for (auto spent = arrivals::at_once; spent <= arrivals::in_all; spent += arrivals::at_once) {
        EXPECT_FALSE(repeats(more));
        EXPECT_TRUE(moves(more, 1));  // a drop came, a little too late
    }
    arrive();
    EXPECT_FALSE(repeats(more));
}

TEST_F(arrivals_test, an_interrupted_call_is_repeated) {
    arrivals more(near_.get());
    errno = EINTR;
    EXPECT_TRUE(more.repeat(-1));
    EXPECT_TRUE(moves(more, arrivals::fast));
    errno = ECONNRESET;
    EXPECT_FALSE(more.repeat(-1));
}

}  // namespace
}  // namespace coserve
