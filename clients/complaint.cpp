#include "complaint.hpp"

#include <coserve/printable.hpp>

#include <cstdio>
#include <string>

namespace coserve_client {

void complain(std::string_view sentence) {
    const std::string shown = coserve::printable(sentence, {.escape = {}, .keep = "\\"});
    std::fprintf(stderr, "coserve: %s\n", shown.c_str());
}

}  // namespace coserve_client
