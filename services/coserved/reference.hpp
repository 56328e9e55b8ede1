/// \file
/// What `--help` says about listeners: every key that their URLs and tables take.
#pragma once

#include <coserve/registry.hpp>

#include <string>

namespace coserved {

std::string reference(const coserve::registry&);

}  // namespace coserved
