/// \file
/// Framing `line`: a frame ends with a newline.
#pragma once

#include <coserve/delimiter.hpp>

namespace coserve {

/// Text lines: `\n` ends a frame, and a `\r` before it is no part of the payload, as Telnet, HTTP
/// and SMTP send it. Written with `\n` alone.
///
/// With `keep_end` a frame is delivered with its end; one that brings its end is written as it is.
///
/// Errors: those of `delimiter_codec`; `unencodable_frame` also for a payload whose last byte is
/// `\r`, which would be taken for a part of the end.
class line_codec final : public delimiter_codec {
public:
    struct options {
        bool keep_end = false;
        on_too_long too_long = on_too_long::close;

        void read(option_reader&);
    };

    line_codec() : line_codec(options{}) {}

    explicit line_codec(const options& o) : delimiter_codec('\n', o.keep_end, o.too_long) {}
};

}  // namespace coserve
