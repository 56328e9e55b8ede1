/// \file
/// A command as one line of text, where no shell reads it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coserve {

/// Splits at blanks (spaces, tabs, line ends), as Python's `shlex.split` does: quotes keep blanks,
/// a backslash keeps the next character (within double quotes only `"` and itself), and nothing is
/// expanded. nullopt: a quote is not closed, or a backslash ends the text.
std::optional<std::vector<std::string>> split_command(std::string_view text);

/// Arguments as a shell, or `split_command`, takes them apart again.
std::string join_command(const std::vector<std::string>& arguments);

}  // namespace coserve
