/// \file
/// A page that stands alone: no script, nothing from a network, light and dark, on paper too.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coserve_bench {

/// The whole document; `body` is markup.
std::string page(std::string_view title, std::string_view body);

/// Cells are markup. The first row is the heading, the first column names the rows.
std::string table(const std::vector<std::vector<std::string>>& rows);

/// Something to be read before all else.
std::string warning(std::string_view sentence);

}  // namespace coserve_bench
