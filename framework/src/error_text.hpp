// An exception as a line of the log.
#pragma once

#include <coserve/logger.hpp>

#include <exception>
#include <string>

namespace coserve {

struct error_description {
    std::string reason;
    // Debug: the peer vanished; info: it was cut off; warning: what it did wrong; error: the
    // handler's own.
    log_level level;
};

error_description describe(const std::exception_ptr&) noexcept;

}  // namespace coserve
