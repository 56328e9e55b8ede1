/// \file
/// Sizes and times as people write them, in URLs, TOML and on every command line.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coserve {

using duration = std::chrono::nanoseconds;

/// Bytes: `512`, `64KiB`, `16MiB`, `1GiB`; nullopt where it is none or does not fit.
std::optional<std::uint64_t> parse_size(std::string_view text) noexcept;

/// `250us`, `500ms`, `1.5s`, `5m`, `1h`; a bare number is seconds. nullopt where it is none,
/// negative, no whole number of nanoseconds, or does not fit.
std::optional<std::chrono::nanoseconds> parse_time(std::string_view text) noexcept;

/// In the largest of the above units that says exactly that without a fraction: `64KiB`, `1000`.
std::string format_size(std::uint64_t bytes);

/// In the largest of the above units that says exactly that without a fraction: `90s`, `1500ms`;
/// `0s`; `0.25us` where none does.
std::string format_time(std::chrono::nanoseconds);

}  // namespace coserve
