// Not a misuse but a fault of a compiler: braced lists in a co_await expression. push_back() is
// right everywhere.
#include <coserve/task.hpp>

#include <vector>

using coserve::task;

task<int> one() {
    co_return 1;
}

task<int> first(std::vector<int> values) {
    co_return values.front();
}

task<> right() {
    std::vector<int> values;
    values.push_back(co_await one());
    co_await first(values);
}

#if MISUSE == 1  // fails on g++ 12.2: array used as initializer
task<> list_of_awaited() {
    std::vector<int> values{co_await one(), 2};
}
#elif MISUSE == 2  // fails on g++ 12.2: array used as initializer
task<> list_as_argument() {
    co_await first({1, 2});
}
#endif
