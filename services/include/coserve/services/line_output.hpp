/// \file
/// Lines of text on a descriptor that every core writes to, such as standard output.
#pragma once

#include <coserve/task.hpp>

#include <memory>
#include <string_view>

namespace coserve {

/// Writes whole lines; no line lies within another. It never blocks the core: the descriptor stays
/// a blocking one, because other programs may share it, so it is asked before each piece whether it
/// takes that.
///
/// Lifetime: copies share the descriptor, which stays the caller's and stays open.
/// Thread: locks for itself.
class line_output {
public:
    explicit line_output(int descriptor);

    /// `line` with a line end behind it, in one `write` if it is no longer than PIPE_BUF (4 KiB).
    /// Ends when all of it is written: a full pipe makes this coroutine wait, and nobody else.
    ///
    /// Errors: `std::runtime_error` where nothing can be written any more, such as to a pipe
    /// without a reader.
    /// Cancellation: a line that has begun is still ended, before the next one.
    task<> write(std::string_view line) const;

private:
    struct state;
    std::shared_ptr<state> state_;
};

}  // namespace coserve
