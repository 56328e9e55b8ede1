#include "live_line.hpp"

#include <cstdio>
#include <string>

#include <unistd.h>

namespace coserve_bench {

live_line::live_line() : terminal_(::isatty(STDERR_FILENO) == 1) {}

live_line::~live_line() {
    if (terminal_)
        std::fputs("\r\033[K", stderr);
}

void live_line::show(const progress& p) {
    constexpr int width = 30;
    if (!terminal_)
        return;
    std::string bar(static_cast<std::size_t>(p.part * width), '#');
    bar.resize(width, '.');
    std::fprintf(
        stderr,
        "\r\033[K[%s] %3.0f %%  %.0f replies/s%s",
        bar.c_str(),
        100 * p.part,
        p.rate,
        p.warming_up ? "  (warm-up)" : ""
    );
    std::fflush(stderr);
}

}  // namespace coserve_bench
