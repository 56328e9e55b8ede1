#include "process_use.hpp"

#include <ctime>
#include <filesystem>
#include <fstream>
#include <limits>
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

std::optional<std::uint64_t> memory_of(pid_t pid) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string key; status >> key;) {
        if (std::uint64_t kib = 0; key == "RssAnon:" && status >> kib)
            return kib << 10;
        status.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    }
    return std::nullopt;
}

thread_use use_of_thread(pid_t thread) {
    std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/schedstat");
    std::int64_t ran = 0, waited = 0;
    file >> ran >> waited;
    return {coserve::duration(ran), coserve::duration(waited)};
}

}  // namespace coserve_bench
