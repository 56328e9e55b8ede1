/// \file
/// The time that chat's state machines are told.
#pragma once

#include <chrono>

namespace coserve {

/// On the clock of whoever drives them, and never earlier than the one before.
using chat_time = std::chrono::steady_clock::time_point;

}  // namespace coserve
