/// \file
/// Waiting for a descriptor that somebody else owns.
#pragma once

#include <coserve/task.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace coserve_client {

/// Tells when a pipe, a terminal or a file can be read without waiting. Asio would make the
/// descriptor itself non-blocking, which the shell and every program that shares it would notice:
/// so it watches an epoll set that has the descriptor in it.
class readable {
public:
    readable(boost::asio::io_context&, int fd);

    /// Returns at once for files, which epoll does not take and which never wait.
    coserve::task<> wait();

    /// Ends a wait, which then throws `boost::asio::error::operation_aborted`.
    void cancel() { set_.cancel(); }

private:
    boost::asio::posix::stream_descriptor set_;
    bool is_file_ = false;
};

}  // namespace coserve_client
