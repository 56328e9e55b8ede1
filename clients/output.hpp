/// \file
/// Standard output: data, and nothing else.
#pragma once

#include <boost/asio/io_context.hpp>

#include <string>
#include <string_view>

namespace coserve_client {

/// Collects what is written in one turn of the context, and writes it then.
///
/// Lifetime: outlives the context's turns.
/// Errors: `failure`, also out of the context's `run()`.
class output {
public:
    explicit output(boost::asio::io_context&);

    /// One line. A pipe or a file gets the exact bytes; on a terminal control characters and bytes
    /// that are no UTF-8 are shown as
    /// \xNN, so that a server cannot command the terminal.
    void line(std::string_view text);
    /// The same in pieces; the last one is followed by `end_line()`.
    void part(std::string_view text);
    void end_line();

    void flush();

private:
    void append(std::string_view text);

    boost::asio::io_context& context_;
    bool is_terminal_;
    bool scheduled_ = false;
    std::string buffer_;
};

}  // namespace coserve_client
