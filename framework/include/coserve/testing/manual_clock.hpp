/// \file
/// Time that passes only when a test says so.
#pragma once

#include <coserve/io.hpp>
#include <coserve/units.hpp>

namespace coserve::testing {

/// Stops the clock of a core: `sleep()` and all deadlines on it wait for `advance()`.
class manual_clock {
public:
    explicit manual_clock(io_context&);

    /// Lets that much time pass, and what was due in it happen, before it returns: each at its own
    /// time and in order, what is set meanwhile included, so that a periodic action of 1 s is
    /// called ten times in 10 s. What that resumes runs in the context's next turns, at the end of
    /// the time: a coroutine that sleeps again and again needs a turn for each.
    void advance(duration);

private:
    io_context& context_;
};

}  // namespace coserve::testing
