/// \file
/// What a listener allows to those who upload.
#pragma once

#include <coserve/services/upload.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace coserve {

/// Bytes; 0: no limit.
struct upload_rules {
    existing_file existing = existing_file::refuse;
    std::uint64_t max_file = 0;
    std::uint64_t quota = 0;  ///< of all files of the directory together
    std::size_t max_partials = 16;
    std::uint64_t partial_size = 0;  ///< of all partial files that nobody writes
    std::chrono::nanoseconds partial_age = std::chrono::hours(24);
};

}  // namespace coserve
