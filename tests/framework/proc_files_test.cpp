#include "proc_files.hpp"

#include "forked.hpp"

#include <gtest/gtest.h>

#include <sched.h>
#include <sys/mount.h>

namespace coserve {
namespace {

enum class found : char { nothing, none, some, no_descriptor };

found own_children_without_proc() {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", "/proc", "tmpfs", 0, nullptr) != 0)
        return found::nothing;
    const auto own = own_first_children();
    if (!own)
        return found::no_descriptor;
    return own->empty() && children_of(::getppid()).empty() ? found::none : found::some;
}

/// The kernel may be built without the files of children: then there are none to be told of, which
/// is another answer than that of a process that cannot open one now.
TEST(proc_files_test, where_the_kernel_does_not_tell_of_children) {
    const found answer = forked(&own_children_without_proc);
    if (answer == found::nothing)
        GTEST_SKIP() << "only root can hide them";
    EXPECT_EQ(answer, found::none);
}

}  // namespace
}  // namespace coserve
