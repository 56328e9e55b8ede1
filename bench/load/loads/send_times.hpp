/// \file
/// The plan of an open loop: when each request is due.
#pragma once

#include <coserve/units.hpp>

#include <cstddef>
#include <cstdint>

namespace coserve_bench {

/// Requests at an even distance, whose rate grows evenly from 0 over the ramp. Several threads take
/// turns: each has every so manieth.
class send_times {
public:
    send_times(
        double rate, coserve::duration ramp, std::size_t index, std::size_t threads
    ) noexcept;

    /// Since the start, of this thread's next request; never earlier than the one before.
    coserve::duration next() noexcept;

private:
    double rate_, ramp_;  // a second, seconds
    std::uint64_t number_, step_;
};

}  // namespace coserve_bench
