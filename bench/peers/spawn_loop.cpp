// The limit for running commands: `spawn_loop AT_ONCE SECONDS PROGRAM`. So many children at a time;
// prints how many a second.
#include "captured_command.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include <poll.h>

using clock_type = std::chrono::steady_clock;

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fputs("usage: spawn_loop AT_ONCE SECONDS PROGRAM\n", stderr);
        return 2;
    }
    const auto at_once = static_cast<std::size_t>(std::atoi(argv[1]));
    const auto begin = clock_type::now();
    const auto end = begin + std::chrono::duration<double>(std::atof(argv[2]));
    std::vector<captured_command> running;
    std::string captured;
    std::size_t done = 0;
    while (clock_type::now() < end || !running.empty()) {
        while (running.size() < at_once && clock_type::now() < end)
            running.push_back(start(argv[3]));
        std::vector<pollfd> waited;
        for (const captured_command& c : running)
            for (const int output : c.outputs)
                waited.push_back({output, POLLIN, 0});
        ::poll(waited.data(), waited.size(), -1);
        for (std::size_t i = 0; i < waited.size(); ++i)
            if (waited[i].fd >= 0 && waited[i].revents != 0)
                take(running[i / 2].outputs[i % 2], captured);
        captured.clear();
        done += std::erase_if(running, has_ended);
    }
    const std::chrono::duration<double> lasted = clock_type::now() - begin;
    std::printf("%.1f\n", static_cast<double>(done) / lasted.count());
}
