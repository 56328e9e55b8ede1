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
#include <utility>
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
/// Lifetime: what it is given outlives it.
class exec_talk {
public:
    /// `name`: the server's, for messages.
    exec_talk(
        boost::asio::io_context& context,
        coserve::frame_stream stream,
        std::string name,
        exec_outputs outputs
    )
        : context_(context),
          stream_(std::move(stream)),
          name_(std::move(name)),
          outputs_(outputs) {}

    exec_talk(const exec_talk&) = delete;
    exec_talk& operator=(const exec_talk&) = delete;
    virtual ~exec_talk() = default;

    /// Its exit code, or 128 and the number of the signal that ended it. What the server has to say
    /// about it is on stderr.
    virtual coserve::task<int> run(remote_command) = 0;

    /// Completes when the server has ended the connection.
    coserve::task<> gone() { co_await stream_.closed(); }

protected:
    boost::asio::io_context& context_;
    coserve::frame_stream stream_;
    const std::string name_;
    const exec_outputs outputs_;
};

}  // namespace coserve_client
