/// \file
/// Who looks at a file's bytes while they are on their way.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

namespace coserve {

/// Sees the bytes of a file, to hash or to count them.
/// Thread: one of the blocking pool, one call at a time.
using file_tap = std::function<void(std::span<const std::byte>)>;

}  // namespace coserve
