#include "cpu_time.hpp"

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace coserve_bench {

std::optional<coserve::duration> cpu_time_of(pid_t pid) {
    const std::filesystem::path tasks = "/proc/" + std::to_string(pid) + "/task";
    std::error_code error;
    std::int64_t sum = 0;
    bool read = false;
    for (std::filesystem::directory_iterator task(tasks, error), end; !error && task != end;
         task.increment(error)) {
        std::int64_t nanoseconds = 0;
        if (std::ifstream(task->path() / "schedstat") >> nanoseconds) {  // else it has just ended
            sum += nanoseconds;
            read = true;
        }
    }
    if (!read)
        return std::nullopt;
    return coserve::duration(sum);
}

coserve::duration own_cpu_time() noexcept {
    std::timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

}  // namespace coserve_bench
