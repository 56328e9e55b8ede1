/// \file
/// What chat's format and state machines must do with any bytes, tried on one input. No test
/// framework: fuzzers call it.
#pragma once

#include <string_view>

namespace chat_check {

/// `input`: one datagram; and several, each behind its length in one byte, for a server and a
/// client.
/// Errors: `framing_check::broken_rule`.
void check(std::string_view input);

}  // namespace chat_check
