/// \file
/// Arguments that CLI11 leaves as they are: it would take [a,b] for a list of two, and {} for an
/// empty one.
#pragma once

#include <string>
#include <vector>

namespace coserve_client {

/// The arguments in the order that `CLI::App::parse` wants, marked where they would be taken for
/// something else.
std::vector<std::string> marked_arguments(int argc, char** argv);

/// The text as it was given.
std::string unmarked(std::string text);

}  // namespace coserve_client
