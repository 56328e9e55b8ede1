/// \file
/// What upload's formats must do with any bytes, tried on one input. No test framework: fuzzers
/// call it.
#pragma once

#include <string_view>

namespace upload_check {

/// `input`: the text of a header or a reply, a name, and a stream whose end is marked.
/// Errors: `framing_check::broken_rule`.
void check(std::string_view input);

}  // namespace upload_check
