/// \file
/// What exec's formats must do with any bytes, tried on one input. No test framework: fuzzers call
/// it.
#pragma once

#include <string_view>

namespace exec_check {

/// `input`: the text of a header, a reply's or a request's, or of a command.
/// Errors: `framing_check::broken_rule`.
void check(std::string_view input);

}  // namespace exec_check
