/// \file
/// How far a run is, on a terminal.
#pragma once

#include "run_load.hpp"

namespace coserve_bench {

/// One line on standard error that is written anew, and taken away at the end. Nothing where that
/// is no terminal.
class live_line {
public:
    live_line();
    live_line(const live_line&) = delete;
    live_line& operator=(const live_line&) = delete;
    ~live_line();

    void show(const progress&);

private:
    bool terminal_;
};

}  // namespace coserve_bench
