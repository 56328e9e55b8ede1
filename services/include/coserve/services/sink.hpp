/// \file
/// The service `sink`: every frame is shown, none is answered.
#pragma once

#include <coserve/services/line_output.hpp>
#include <coserve/stream_handler.hpp>

namespace coserve {

/// Any framing. Each frame becomes one line of text, see `text_line`. While the output is full the
/// connections' next frames wait, and so do their peers.
///
/// Errors: an output that takes nothing any more ends the connection.
class sink final : public stream_handler {
public:
    explicit sink(const line_output& o) : output_(o) {}

    task<> handle() override;

private:
    line_output output_;
};

}  // namespace coserve
