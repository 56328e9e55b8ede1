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

    /// Lets that much time pass, and what was due in it happen, before it returns; what that
    /// resumes runs in the context's next turns.
    void advance(duration);

private:
    io_context& context_;
};

}  // namespace coserve::testing
