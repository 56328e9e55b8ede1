/// \file
/// A frame as it goes out.
#pragma once

#include <coserve/codec.hpp>
#include <coserve/frame.hpp>

#include <string>

namespace coserve_bench {

/// Puts it behind `out`.
/// Errors: `coserve::system_error`, and `out` is as it was.
void encode(coserve::codec& encoder, coserve::frame_view payload, std::string& out);

}  // namespace coserve_bench
