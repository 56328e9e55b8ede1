/// \file
/// Upper case as Python's `bytes.upper()` has it.
#pragma once

#include <coserve/frame.hpp>

namespace coserve {

/// Changes a to z in place; every other byte, those of UTF-8 included, stays as it is.
frame ascii_upper(frame) noexcept;

}  // namespace coserve
