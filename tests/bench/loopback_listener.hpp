// A server's end for tests of the load tool's sockets.
#pragma once

#include <loads/stream_target.hpp>

#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <cstddef>
#include <string>
#include <string_view>

#include <unistd.h>

namespace coserve_bench {

class loopback_listener {
public:
    using tcp = boost::asio::ip::tcp;

    loopback_listener() : acceptor_(context_, tcp::endpoint(tcp::v4(), 0)) {}

    tcp::endpoint address() const {
        return {boost::asio::ip::address_v4::loopback(), acceptor_.local_endpoint().port()};
    }

    tcp::socket accept() { return acceptor_.accept(); }

    void close() { acceptor_.close(); }

    plan of_plan(const std::string& query = {}) const {
        plan p;
        p.url = "tcp://127.0.0.1:" + std::to_string(address().port()) + query;
        return p;
    }

private:
    boost::asio::io_context context_;
    tcp::acceptor acceptor_;
};

inline std::string read_exactly(boost::asio::ip::tcp::socket& from, std::size_t size) {
    std::string bytes(size, '\0');
    boost::asio::read(from, boost::asio::buffer(bytes));
    return bytes;
}

inline void write_all(boost::asio::ip::tcp::socket& to, std::string_view bytes) {
    boost::asio::write(to, boost::asio::buffer(bytes));
}

}  // namespace coserve_bench
