/// \file
/// Numbers and times for people.
#pragma once

#include <coserve/units.hpp>

#include <cstdint>
#include <string>

namespace coserve_bench {

double seconds(coserve::duration) noexcept;
double microseconds(coserve::duration) noexcept;

/// Errors: values that are no time at all, or too long to be one, are the nearest that is.
coserve::duration duration_of(double seconds) noexcept;

/// Three digits or more: 4.21us, 18.3ms, 1204s; and 0.
std::string readable(coserve::duration);

/// Three digits or more, with a unit of thousands: 0.125, 4.21, 18.3k, 120M.
std::string readable(double);

/// 1234567 as 1,234,567.
std::string grouped(std::uint64_t);

/// 1 second, 2 seconds.
std::string counted(std::uint64_t, const char* what);

/// As printf has it.
[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...);

}  // namespace coserve_bench
