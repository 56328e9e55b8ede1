/// \file
/// Where coserve says what happened: one record a line, given to a function of the program's.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace coserve {

enum class log_level { debug, info, warning, error };

std::string_view to_string(log_level) noexcept;

struct log_field {
    std::string_view key, value;
};

/// Lifetime: during the call of the sink.
struct log_record {
    log_level level;
    std::string_view message;  ///< a short, constant sentence
    /// What it happened to: `peer`, `listener`, `service`, `reason`, ....
    std::span<const log_field> fields;
};

/// Thread: called from every core at once; it must lock for itself and must not throw.
using log_sink = std::function<void(const log_record&)>;

/// Text for a line of a log: control characters and line ends escaped as \xNN, so that what a peer
/// sends cannot forge a line.
std::string log_text(const log_record&);

/// Warnings and errors as lines on stderr: what a server uses that was given no sink.
void log_to_stderr(const log_record&) noexcept;

}  // namespace coserve
