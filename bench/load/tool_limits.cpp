#include "tool_limits.hpp"

#include <array>
#include <chrono>
#include <cstdio>

namespace coserve_bench {

using namespace std::chrono_literals;

namespace {

constexpr double busy = 0.9;
constexpr double crowded = 0.25;
constexpr coserve::duration late = 1ms;

template <class... A>
std::string format(const char* pattern, A... values) {
    std::array<char, 200> text{};
    std::snprintf(text.data(), text.size(), pattern, values...);
    return text.data();
}

}  // namespace

std::vector<std::string> tool_limits(const busiest_thread& b, const latency_histogram& slip) {
    std::vector<std::string> sentences;
    if (b.ran >= busy)
        sentences.push_back(format(
            "a thread of this tool was busy %.0f %% of the time: give it more (--threads)",
            100 * b.ran
        ));
    else if (b.ran + b.waited >= busy && b.waited >= crowded)
        sentences.push_back(format(
            "a thread of this tool waited %.0f %% of the time for a processor: others, the server "
            "perhaps, have them",
            100 * b.waited
        ));
    const auto lateness = slip.quantile(0.99);
    if (slip.count() != 0 && lateness > late)
        sentences.push_back(format(
            "1 %% of the requests were sent more than %.1f ms after their time, by this tool's own "
            "doing",
            std::chrono::duration<double, std::milli>(lateness).count()
        ));
    return sentences;
}

}  // namespace coserve_bench
