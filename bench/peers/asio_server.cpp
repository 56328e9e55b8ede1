// Plain Asio, as a tutorial writes it: a coroutine per connection reads a header, then a body, and
// writes both back. One thread. With an argument it has a timer of its own beside it.
#include "descriptors.hpp"
#include "timer_lateness.hpp"
#include "to_upper.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/endian/conversion.hpp>
#include <boost/system/system_error.hpp>

#include <array>
#include <cstdint>
#include <iostream>
#include <optional>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::uint32_t max_payload = 16 << 20;

asio::awaitable<void> serve(tcp::socket socket) {
    try {
        socket.set_option(tcp::no_delay(true));
        std::array<unsigned char, 4> header;
        std::vector<char> body;
        for (;;) {
            co_await asio::async_read(socket, asio::buffer(header), asio::use_awaitable);
            const std::uint32_t size = boost::endian::load_little_u32(header.data());
            if (size > max_payload)
                co_return;
            body.resize(size);
            co_await asio::async_read(socket, asio::buffer(body), asio::use_awaitable);
            to_upper(body.data(), body.size());
            const std::array<asio::const_buffer, 2> reply{asio::buffer(header), asio::buffer(body)};
            co_await asio::async_write(socket, reply, asio::use_awaitable);
        }
    } catch (const boost::system::system_error&) {
        // The peer has gone.
    }
}

asio::awaitable<void> accept_all(tcp::acceptor acceptor) {
    for (;;) {
        tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
        asio::co_spawn(acceptor.get_executor(), serve(std::move(socket)), asio::detached);
    }
}

int main(int argc, char**) {
    raise_descriptor_limit();
    asio::io_context context(1);
    tcp::acceptor acceptor(context, tcp::v4());
    acceptor.bind({asio::ip::address_v4::loopback(), 0});
    acceptor.listen(4096);
    std::cout << acceptor.local_endpoint().port() << std::endl;
    asio::co_spawn(context, accept_all(std::move(acceptor)), asio::detached);
    std::optional<timer_lateness> timer;
    if (argc > 1)
        timer.emplace(context);
    context.run();
}
