/// \file
/// Where the cursor is in what libedit draws.
#pragma once

#include <cstddef>
#include <string_view>

namespace coserve_client {

/// How many rows the cursor is below the first one, when so much is drawn before it on a terminal
/// of so many columns.
std::size_t rows_above_cursor(std::wstring_view drawn, std::size_t columns);

}  // namespace coserve_client
