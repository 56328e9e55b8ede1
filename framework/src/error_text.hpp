// An exception as a line of the log.
#pragma once

#include <coserve/logger.hpp>

#include <exception>
#include <string>

namespace coserve {

struct error_description {
    std::string reason;
    log_level level;  // debug: the peer vanished; info: it was cut off; warning: what it did wrong; error: the handler's own
};

error_description describe(const std::exception_ptr&) noexcept;

}  // namespace coserve
