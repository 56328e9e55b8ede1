/// \file
/// What is to be done in a process of its own.
#pragma once

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <type_traits>
#include <unistd.h>

namespace coserve {

/// What `work()` gives in a child of this process, which ends then; as it is made by default where
/// the child does not come to its end.
template <class F>
std::invoke_result_t<F> forked(F work) {
    using result = std::invoke_result_t<F>;
    static_assert(std::is_trivially_copyable_v<result>);
    result answer{};
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const result mine = work();
        ::_exit(::write(ends[1], &mine, sizeof mine) == sizeof mine ? 0 : 1);
    }
    ::close(ends[1]);
    EXPECT_EQ(::read(ends[0], &answer, sizeof answer), ssize_t{sizeof answer});
    ::close(ends[0]);
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    return answer;
}

}  // namespace coserve
