/// \file
/// What the clients of all of exec's wires have in common.
#pragma once

#include "output.hpp"

#include <coserve/frame_stream.hpp>
#include <coserve/task.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace coserve_client {

struct remote_command {
    std::vector<std::string> argv;  ///< empty: `text` is for the server's shell
    std::string text;
    std::optional<std::chrono::milliseconds> timeout;
    bool passes_input = false;  ///< standard input is the command's
    bool may_split = false;     ///< where the server has no shell, the text is a program's
};

/// Where a command's output goes, and whom a connection ends with.
struct exec_outputs {
    output& out;
    output& err;
};

/// A connection that runs one command after the other.
///
/// Errors: `failure`, `boost::system::system_error`.
class exec_talk {
public:
    virtual ~exec_talk() = default;

    /// Its exit code, or 128 and the number of the signal that ended it. What the server has to say
    /// about it is on stderr.
    virtual coserve::task<int> run(remote_command) = 0;

    /// Completes when the server has ended the connection.
    virtual coserve::task<> gone() = 0;
};

}  // namespace coserve_client
