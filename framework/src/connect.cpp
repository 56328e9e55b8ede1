#include <coserve/connect.hpp>

#include "core.hpp"
#include "socket_transport.hpp"
#include "stream_state.hpp"
#include "time_limit.hpp"

#include <coserve/framing.hpp>
#include <coserve/limits.hpp>
#include <coserve/url.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cerrno>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <utility>

namespace coserve {

namespace {

using tcp = asio::ip::tcp;
using local = asio::local::stream_protocol;

struct target {
    endpoint_url url;
    std::shared_ptr<const stream_limits> limits;
    framing codecs;
};

std::shared_ptr<const target> read_target(std::string_view text) {
    auto t = std::make_shared<target>();
    t->url = parse_url(text);
    if (t->url.kind == endpoint_url::scheme::udp)
        throw configuration_error(std::string(text) + ": a stream needs tcp:// or unix:");
    option_reader reader(std::string(text), t->url.query);
    stream_limits limits;
    limits.read(reader);
    t->codecs = framing_registry().read(reader, limits);
    reader.finish();
    t->limits = std::make_shared<const stream_limits>(limits);
    return t;
}

// Not Asio's open(): between that and a fcntl() another thread may start a child, which then has
// the socket too.
template <class Socket>
error_code open(Socket& socket, const typename Socket::protocol_type& protocol) {
    constexpr int kind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    unique_fd fd(::socket(protocol.family(), kind, protocol.protocol()));
    if (!fd)
        return {errno, boost::system::system_category()};
    error_code error;
    socket.assign(protocol, fd.get(), error);
    if (!error)
        fd.release();
    return error;
}

template <class Socket>
task<error_code> attempt(Socket& socket, typename Socket::endpoint_type to) {
    error_code error;
    socket.close(error);  // that of an attempt before
    error = open(socket, to.protocol());
    if (!error)
        co_await socket.async_connect(to, asio::redirect_error(asio::use_awaitable, error));
    co_return error;
}

task<unique_fd> connect_tcp(io_context& context, const endpoint_url& url, duration limit) {
    tcp::resolver resolver(context);
    tcp::socket socket(context);
    const time_limit bounded(context, limit, [&] {
        resolver.cancel();
        socket.close();
    });
    try {
        const std::string port = std::to_string(url.port);
        const auto found = co_await resolver.async_resolve(url.host, port, asio::use_awaitable);
        error_code error = asio::error::host_not_found;
        for (auto at = found.begin(); at != found.end() && error; ++at) {
            bounded.check();
            const tcp::endpoint to = at->endpoint();
            error = co_await attempt(socket, to);
            if (error == asio::error::operation_aborted)
                break;
        }
        bounded.check();
        if (error)
            throw system_error(error);
        socket.set_option(tcp::no_delay(true));
    } catch (const system_error& e) {
        throw bounded.reason(e, url);
    }
    co_return unique_fd(socket.release());
}

task<unique_fd> connect_local(io_context& context, const endpoint_url& url, duration limit) {
    local::socket socket(context);
    const time_limit bounded(context, limit, [&] { socket.close(); });
    try {
        const local::endpoint to(url.path);
        const error_code error = co_await attempt(socket, to);
        bounded.check();
        if (error)
            throw system_error(error);
    } catch (const system_error& e) {
        throw bounded.reason(e, url);
    }
    co_return unique_fd(socket.release());
}

task<frame_stream> connect_to(std::shared_ptr<const target> to, duration limit) {
    io_context& context = context_of(co_await asio::this_coro::executor);
    unique_fd fd;
    if (to->url.kind == endpoint_url::scheme::tcp)
        fd = co_await connect_tcp(context, to->url, limit);
    else
        fd = co_await connect_local(context, to->url, limit);
    const endpoint peer = peer_of(fd.get());
    co_return frame_stream(new stream_state(
        core::of(context),
        make_socket_transport(std::move(fd), peer),
        to->codecs.read(),
        to->codecs.write(),
        to->limits
    ));
}

}  // namespace

task<frame_stream> connect(std::string_view url, duration limit) {
    return connect_to(read_target(url), limit);
}

}  // namespace coserve
