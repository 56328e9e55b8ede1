#include "datagram_socket_state.hpp"
#include "socket_transport.hpp"
#include "time_limit.hpp"
#include "udp_socket.hpp"

#include <coserve/url.hpp>

#include <boost/asio/ip/udp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cerrno>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <utility>

namespace coserve {

namespace {

using udp = asio::ip::udp;

struct target {
    endpoint_url url;
    datagram_limits limits;
};

std::shared_ptr<const target> read_target(std::string_view text) {
    auto t = std::make_shared<target>();
    t->url = parse_url(text);
    if (t->url.kind != endpoint_url::scheme::udp)
        throw configuration_error(std::string(text) + ": datagrams need udp://");
    if (t->url.port == 0)
        throw configuration_error(std::string(text) + ": port 0 is nobody's");
    option_reader reader(std::string(text), t->url.query);
    t->limits.read(reader);
    reader.finish();
    return t;
}

unique_fd open_connected(const udp::endpoint& to, const datagram_limits& limits) noexcept {
    unique_fd fd = open_udp_socket(to.protocol().family(), limits);
    if (fd && ::connect(fd.get(), to.data(), static_cast<socklen_t>(to.size())) != 0)
        fd.reset();
    return fd;
}

task<unique_fd> connect_udp(io_context& context, std::shared_ptr<const target> to, duration limit) {
    udp::resolver resolver(context);
    const time_limit bounded(context, limit, [&] { resolver.cancel(); });
    unique_fd fd;
    try {
        const std::string port = std::to_string(to->url.port);
        const auto found = co_await resolver.async_resolve(to->url.host, port, asio::use_awaitable);
        bounded.check();
        int error = 0;
        for (auto at = found.begin(); at != found.end() && !fd; ++at) {
            fd = open_connected(at->endpoint(), to->limits);
            error = errno;
        }
        if (!fd)
            throw system_error(error, boost::system::system_category());
    } catch (const system_error& e) {
        throw bounded.reason(e, to->url);
    }
    co_return fd;
}

task<datagram_socket> open_to(std::shared_ptr<const target> to, duration limit) {
    io_context& context = context_of(co_await asio::this_coro::executor);
    unique_fd fd = co_await connect_udp(context, to, limit);
    const endpoint peer = peer_of(fd.get());
    auto transport = make_udp_transport(std::move(fd));
    co_return datagram_socket(std::make_unique<datagram_socket_state>(
        core::of(context), std::move(transport), peer, to->limits
    ));
}

}  // namespace

task<datagram_socket> connect_datagrams(std::string_view url, duration limit) {
    return open_to(read_target(url), limit);
}

}  // namespace coserve
