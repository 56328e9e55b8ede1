/// \file
/// A chat of several cores and many clients over a network that loses, repeats, delays and
/// reorders, all of it decided by one number.
#pragma once

#include <cstdint>
#include <stdexcept>

namespace coserve {

/// Something happened that must not. `what()` says what, and when.
class broken_simulation : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

/// How much went through, to see that a simulation does what it is to.
struct simulated {
    std::uint64_t datagrams = 0;  ///< that arrived, at either side
    std::uint64_t heard = 0;      ///< messages told to members
    std::uint64_t lost_contacts = 0;
    std::uint64_t joins = 0;
    std::uint64_t duplicates = 0;  ///< that a client did not tell

    simulated& operator+=(const simulated& o) noexcept {
        datagrams += o.datagrams;
        heard += o.heard;
        lost_contacts += o.lost_contacts;
        joins += o.joins;
        duplicates += o.duplicates;
        return *this;
    }
};

/// Errors: `broken_simulation`.
simulated simulate_chat(std::uint64_t seed);

}  // namespace coserve
