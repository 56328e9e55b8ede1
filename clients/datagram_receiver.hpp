/// \file
/// A socket of datagrams whose owner is told what arrives, whatever it does meanwhile.
#pragma once

#include "wakeup.hpp"

#include <coserve/datagram_socket.hpp>
#include <coserve/task.hpp>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace coserve_client {

/// Errors: what the listener throws leaves the context's `run()`.
/// Lifetime: `close()` ends before it.
class datagram_receiver {
public:
    class listener {
    public:
        virtual void received(std::span<const std::byte>) = 0;
        /// The network says that something which was sent did not arrive; `reason`: a sentence.
        virtual void unreachable(const std::string& reason) = 0;

    protected:
        ~listener() = default;
    };

    datagram_receiver(boost::asio::io_context&, coserve::datagram_socket, listener&);
    datagram_receiver(const datagram_receiver&) = delete;
    datagram_receiver& operator=(const datagram_receiver&) = delete;

    void start();

    /// false: too many wait to be sent.
    bool send(coserve::frame_view datagram) { return socket_.send(datagram); }

    coserve::task<> close();

private:
    coserve::task<> receive_all();
    coserve::task<> receive_next();

    boost::asio::io_context& context_;
    coserve::datagram_socket socket_;
    listener& listener_;
    boost::asio::cancellation_signal stop_;
    wakeup ended_;
    unsigned received_ = 0;
    bool running_ = false;
    bool closing_ = false;
};

}  // namespace coserve_client
