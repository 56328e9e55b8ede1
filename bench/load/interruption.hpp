/// \file
/// Ctrl-C, as the wish to see what there is so far.
#pragma once

#include <csignal>

namespace coserve_bench {

/// While it lives the first SIGINT is noted, and the second does what it does.
class interruption {
public:
    interruption();
    interruption(const interruption&) = delete;
    interruption& operator=(const interruption&) = delete;
    ~interruption();

    /// True: there was one since the last call.
    bool take() const noexcept;

private:
    struct sigaction before_{};
};

}  // namespace coserve_bench
