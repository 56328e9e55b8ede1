/// \file
/// What every framing must do with any bytes, tried on one input. No test framework: fuzzers call
/// it.
#pragma once

#include <stdexcept>
#include <string_view>

namespace framing_check {

/// A framing did what no framing may.
class broken_rule : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

/// `input` is two lines, and the bytes of a stream behind them:
///
///     width=2&order=big&max-frame=9
///     315 fp4
///
/// The first line has the keys of a listener's URL. The second has the sizes of the pieces in which
/// the stream arrives, one character each, over and over: `1` to `9` for themselves, what follows
/// in ASCII for 10 and more. The pieces are also payloads to write. A blank and more letters behind
/// the sizes say how frames are asked for, one letter each, over and over: a digit is the maximum
/// from this frame on; of framings with headers, `p` asks for the header and the body in pieces,
/// `b` for the header and the body's beginning, `d` for the header alone; else it is the whole
/// frame.
///
/// Errors: `broken_rule`; `coserve::configuration_error` for keys that no listener would take.
void check(std::string_view framing, std::string_view input);

}  // namespace framing_check
