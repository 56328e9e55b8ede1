#include "text.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <utility>

namespace coserve_bench {

namespace {

/// Three digits of `value`, which is below 1000 or has no larger unit.
std::string three_digits(double value) {
    return format(value < 9.995 ? "%.2f" : value < 99.95 ? "%.1f" : "%.0f", value);
}

}  // namespace

double seconds(coserve::duration d) noexcept {
    return std::chrono::duration<double>(d).count();
}

double microseconds(coserve::duration d) noexcept {
    return std::chrono::duration<double, std::micro>(d).count();
}

coserve::duration duration_of(double seconds) noexcept {
    constexpr double longest = 9e9;
    const double some = std::isnan(seconds) ? 0 : std::clamp(seconds, 0.0, longest);
    return coserve::duration(std::llround(some * 1e9));
}

std::string readable(coserve::duration d) {
    const double us = microseconds(d);
    if (us == 0)
        return "0";
    const auto [value, unit] = us < 999.5     ? std::pair(us, "us")
                               : us < 999.5e3 ? std::pair(us / 1e3, "ms")
                                              : std::pair(us / 1e6, "s");
    return three_digits(value) + unit;
}

std::string readable(double value) {
    const double size = std::fabs(value);
    if (size != 0 && size < 0.995)
        return format("%.3g", value);
    const auto [scaled, unit] = size < 999.5     ? std::pair(value, "")
                                : size < 999.5e3 ? std::pair(value / 1e3, "k")
                                : size < 999.5e6 ? std::pair(value / 1e6, "M")
                                                 : std::pair(value / 1e9, "G");
    return (value < 0 ? "-" : "") + three_digits(std::fabs(scaled)) + unit;
}

std::string grouped(std::uint64_t n) {
    std::string text = std::to_string(n);
    for (std::size_t at = text.size(); at > 3;)
        text.insert(at -= 3, ",");
    return text;
}

std::string counted(std::uint64_t n, const char* what) {
    return grouped(n) + " " + what + (n == 1 ? "" : "s");
}

std::string format(const char* pattern, ...) {
    std::array<char, 512> text{};
    std::va_list values;
    va_start(values, pattern);
    std::vsnprintf(text.data(), text.size(), pattern, values);
    va_end(values);
    return text.data();
}

}  // namespace coserve_bench
