/// \file
/// What native exec answers: the headers of its frames.
#pragma once

#include "protocol/exec_request.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace coserve {

/// The two that a command writes to.
enum class exec_stream : unsigned char { out, err };

/// The frame's body is a piece of a command's output.
struct exec_output {
    exec_stream stream = exec_stream::out;
};

/// The client may send so many bytes more of its interactive input.
struct exec_window {
    std::uint64_t bytes = 0;
};

/// What a command took of the machine, with all the children that it waited for.
struct exec_usage {
    std::chrono::milliseconds user{}, system{};
    std::uint64_t peak_memory = 0;  ///< bytes
};

/// The end of a command that ran.
struct exec_result {
    std::optional<int> exit;  ///< its code
    std::string signal;       ///< or the name of what ended it
    std::string reason;       ///< where the server ended it: why
    std::chrono::milliseconds lasted{};
    std::uint64_t stdout_bytes = 0, stderr_bytes = 0;  ///< that were sent
    bool truncated = false;                            ///< it had written more
    /// Unknown where this was sent before the command had ended.
    std::optional<exec_usage> usage;
};

/// The end of a command that did not run, or of the connection.
struct exec_error {
    std::string word;     ///< stable: `not-found`, `busy`, …
    std::string message;  ///< a sentence for people
};

struct exec_reply {
    exec_id id;
    std::variant<exec_output, exec_window, exec_result, exec_error> what;
};

/// Members that it does not know are left alone.
/// Errors: `json_error`.
exec_reply parse_exec_reply(std::string_view header);

/// Without `data_size`, which the framing `json-header` adds.
std::string exec_header(const exec_reply&);

}  // namespace coserve
