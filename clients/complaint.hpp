/// \file
/// What goes wrong, said on stderr.
#pragma once

#include <string_view>

namespace coserve_client {

/// One line, also where a part of the sentence is the server's.
void complain(std::string_view sentence);

}  // namespace coserve_client
