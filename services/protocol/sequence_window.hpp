/// \file
/// Which of a sender's numbered datagrams were there before.
#pragma once

#include <cstdint>

namespace coserve {

/// The highest number, and which of the 63 before it were seen. What is further behind counts as
/// known: nobody can tell any more.
class sequence_window {
public:
    static constexpr std::uint64_t width = 64;

    enum class place : unsigned char {
        ahead,  ///< higher than all before, or the first of all
        late,   ///< others overtook it
        known,  ///< a duplicate, or too far behind to tell
    };

    struct seen {
        place where;
        std::uint64_t skipped;  ///< ahead: the numbers between it and the highest before
    };

    seen see(std::uint64_t number) noexcept;

private:
    std::uint64_t highest_ = 0;
    std::uint64_t bits_ = 0;  // the highest, and towards the left those before it; 0: none yet
};

}  // namespace coserve
