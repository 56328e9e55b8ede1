#include "process_tree.hpp"

#include "pidfd.hpp"
#include "proc_files.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <functional>
#include <linux/sched.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace coserve {
namespace {

using namespace std::chrono_literals;

bool until(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end)
            return false;
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

[[noreturn]] void wait_for_ever() {
    for (;;)
        ::pause();
}

/// A new process of that number; -1: not to be had.
pid_t fork_as(pid_t number) {
    clone_args how{};
    how.exit_signal = SIGCHLD;
    how.set_tid = reinterpret_cast<std::uintptr_t>(&number);
    how.set_tid_size = 1;
    return static_cast<pid_t>(::syscall(SYS_clone3, &how, sizeof how));
}

/// A process in a session of its own, and its one child.
struct family {
    pid_t parent = -1, child = -1;

    /// `number`: the parent's; 0: any. `reaps`: the parent waits for its child's end.
    explicit family(pid_t number, bool reaps) {
        std::array<int, 2> ends{};
        if (::pipe(ends.data()) != 0)
            return;
        parent = number == 0 ? ::fork() : fork_as(number);
        if (parent == 0) {
            ::setsid();
            const pid_t mine = ::fork();
            if (mine == 0)
                wait_for_ever();
            if (::write(ends[1], &mine, sizeof mine) != sizeof mine)
                ::_exit(1);
            if (reaps)
                ::waitpid(mine, nullptr, 0);
            wait_for_ever();
        }
        ::close(ends[1]);
        if (parent > 0) {
            EXPECT_EQ(::read(ends[0], &child, sizeof child), ssize_t{sizeof child});
        }
        ::close(ends[0]);
    }

    family(const family&) = delete;
    family& operator=(const family&) = delete;

    ~family() {
        if (parent <= 0)
            return;
        if (stat_of(child) && stat_of(child)->parent == parent)
            ::kill(child, SIGKILL);
        ::kill(parent, SIGKILL);
        ::waitpid(parent, nullptr, 0);
    }
};

TEST(process_tree_test, does_not_follow_a_number_that_is_anothers_by_now) {
    const family own(0, true);
    ASSERT_GT(own.child, 0);
    process_tree tree(own.parent, {});
    tree.signal(0);  // it knows the child now
    ::kill(own.child, SIGKILL);
    ASSERT_TRUE(until([&] { return !stat_of(own.child); }));
    const family strangers(own.child, false);
    if (strangers.parent < 0)
        GTEST_SKIP() << "only root may choose a number, and only one that is free: errno " << errno;
    const unique_fd parent = open_process(strangers.parent), child = open_process(strangers.child);
    tree.kill();
    ASSERT_TRUE(until([&] { return stat_of(own.parent)->zombie; })) << "this one is its own";
    std::array<pollfd, 2> ends{pollfd{parent.get(), POLLIN, 0}, pollfd{child.get(), POLLIN, 0}};
    EXPECT_EQ(::poll(ends.data(), ends.size(), 100), 0) << "the strangers live";
}

}  // namespace
}  // namespace coserve
