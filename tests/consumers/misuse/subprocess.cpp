// Options for a child that would not outlive its start, or be freed twice by g++ 12.
#include <coserve/subprocess.hpp>

#include <utility>

using coserve::subprocess;
using coserve::subprocess_options;
using coserve::task;

task<> right() {
    const auto options = subprocess_options::shell("ls");
    subprocess child = co_await subprocess::start(options);
    co_await child.wait();
}

#if MISUSE == 1  // fails: use of deleted function|call to deleted
task<> braces() {
    co_await subprocess::start({.program = "/bin/ls"});
}
#elif MISUSE == 2  // fails: use of deleted function|call to deleted
task<> temporary() {
    co_await subprocess::start(subprocess_options::shell("ls"));
}
#elif MISUSE == 3  // fails: use of deleted function|call to deleted
task<> moved(subprocess_options options) {
    co_await subprocess::start(std::move(options));
}
#elif MISUSE == 4  // fails: unused|ignoring return value
void forgotten(const subprocess_options& options) {
    subprocess::start(options);
}
#endif
