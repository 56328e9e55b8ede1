#include "progress_bar.hpp"

#include <coserve/printable.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

namespace coserve_client {
namespace {

constexpr std::size_t usual_columns = 80;

template <class... A>
std::string formatted(const char* format, A... values) {
    std::array<char, 64> text{};
    const int size = std::snprintf(text.data(), text.size(), format, values...);
    return {text.data(), std::min(text.size() - 1, static_cast<std::size_t>(std::max(size, 0)))};
}

std::string readable_time(double seconds) {
    const auto whole = static_cast<unsigned long long>(std::min(std::ceil(seconds), 359'999.0));
    if (whole < 3600)
        return formatted("%llu:%02llu", whole / 60, whole % 60);
    return formatted("%llu:%02llu:%02llu", whole / 3600, whole / 60 % 60, whole % 60);
}

/// No more than so many bytes of it, and whole characters of UTF-8.
std::string_view cut(std::string_view text, std::size_t most) {
    if (text.size() <= most)
        return text;
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80)
        --most;
    return text.substr(0, most);
}

std::size_t columns_of_terminal() {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 ? size.ws_col
                                                                              : usual_columns;
}

}  // namespace

std::string readable_size(std::uint64_t bytes) {
    constexpr std::array units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024)
        return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
    auto value = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    for (; value >= 1024 && unit + 1 < units.size(); ++unit)
        value /= 1024;
    return formatted("%.1f ", value) + units.at(unit);
}

std::string progress_line(
    std::string_view name, std::uint64_t done, std::uint64_t size, double rate, std::size_t columns
) {
    constexpr std::size_t widest_name = 30, narrowest_bar = 10;
    const double part = size == 0 ? 1 : static_cast<double>(done) / static_cast<double>(size);
    std::string end = readable_size(done) + " of " + readable_size(size);
    if (rate > 0) {
        end += ", " + readable_size(static_cast<std::uint64_t>(rate)) + "/s, ";
        end += readable_time(static_cast<double>(size - std::min(done, size)) / rate) + " left";
    }
    std::string line(cut(name, widest_name));
    line += formatted(" %3.0f %% ", std::floor(100 * part));
    const std::size_t used = line.size() + end.size() + 3;
    if (used + narrowest_bar <= columns) {
        const std::size_t width = columns - used;
        const auto full =
            std::min(width, static_cast<std::size_t>(part * static_cast<double>(width)));
        std::string bar(full, '=');
        if (full < width)
            bar += '>';
        bar.resize(width, ' ');
        line += '[' + bar + "] ";
    }
    return std::string(cut(line + end, columns));
}

progress_bar::progress_bar(std::string name, std::uint64_t size, std::uint64_t before)
    : name_(coserve::printable(name)),
      size_(size),
      before_(before),
      is_terminal_(::isatty(STDERR_FILENO) == 1) {}

progress_bar::~progress_bar() {
    if (shown_)
        std::fputs("\r\x1b[K", stderr);
}

void progress_bar::show(std::uint64_t done) {
    if (!is_terminal_)
        return;
    shown_ = true;
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
    const double rate = static_cast<double>(done - std::min(done, before_)) / passed.count();
    const std::string line = progress_line(name_, done, size_, rate, columns_of_terminal() - 1);
    std::fprintf(stderr, "\r%s\x1b[K", line.c_str());
}

}  // namespace coserve_client
