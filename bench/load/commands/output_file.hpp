/// \file
/// Files that the commands write.
#pragma once

#include <string>
#include <string_view>

namespace coserve_bench {

/// All of a file; `-` is stdout.
///
/// Errors: `std::runtime_error`, which says why it cannot be written.
void write_file(const std::string& path, std::string_view text);

}  // namespace coserve_bench
