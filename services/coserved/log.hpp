/// \file
/// The program's log: one line a record, on stderr.
#pragma once

#include <coserve/logger.hpp>

namespace coserved {

enum class log_format {
    text,  ///< `2026-01-31T12:00:00.123Z warning MESSAGE key=value`
    json,  ///< `{"time":"2026-01-31T12:00:00.123Z","level":"warning","message":"MESSAGE","key":"value"}`
};

/// A sink for records of `least` and above.
coserve::log_sink make_log(coserve::log_level least, log_format);

}  // namespace coserved
