/// \file
/// The service `sink`: every frame is shown, none is answered.
#pragma once

#include <coserve/services/line_output.hpp>
#include <coserve/stream_handler.hpp>
#include <coserve/text_encoding.hpp>

#include <string>

namespace coserve {

/// Any framing. Each frame becomes one line of text, in UTF-8: control characters, line ends within
/// the frame, and what is no text in the clients' encoding are shown as \xNN (and so is the text
/// "\xNN" itself: the lines are for people). A character may begin
/// in one frame and end in the next, as raw reads cut it: it stands in the second's line, and a
/// frame of no more than its beginning has none. While the output is full the connections' next
/// frames wait, and so do their peers.
///
/// Errors: an output that takes nothing any more ends the connection.
class sink final : public stream_handler {
public:
    struct options {
        std::string encoding = "UTF-8";  ///< key `encoding`: of the clients' text

        void read(option_reader&);
    };

    sink(const options& o, const line_output& out) : text_(o.encoding), output_(out) {}

    task<> handle() override;
    task<> finish() override;

private:
    text_decoder text_;
    line_output output_;
};

}  // namespace coserve
