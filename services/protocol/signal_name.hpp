/// \file
/// Signals as people and protocols name them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace coserve {

/// `SIGTERM`; `SIG35` for one that has no name.
std::string signal_name(int number);

/// nullopt where no signal has that name.
std::optional<int> signal_number(std::string_view name) noexcept;

}  // namespace coserve
