#include "listen_socket.hpp"

#include "socket_transport.hpp"

#include <coserve/io.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace coserve {

namespace {

using tcp = asio::ip::tcp;

[[noreturn]] void fail(const std::string& what, int error = errno) {
    throw system_error(error, boost::system::system_category(), what);
}

void set_option(int fd, int level, int name, int value) {
    ::setsockopt(fd, level, name, &value, sizeof value);
}

unique_fd open_socket(int family, const std::string& url) {
    unique_fd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd)
        fail(url);
    return fd;
}

void bind_and_listen(
    int fd, const sockaddr* address, socklen_t size, int backlog, const std::string& url
) {
    if (::bind(fd, address, size) != 0 || ::listen(fd, backlog) != 0)
        fail(url);
}

// What the accepted sockets inherit is set here once.
listening listen_tcp(const tcp::endpoint& at, int backlog) {
    const auto url_of = [](const std::string& address) { return "tcp://" + address; };
    const endpoint wanted(at.data(), at.size());
    listening l{open_socket(at.protocol().family(), url_of(wanted.to_string())), {}, {}};
    const int fd = l.socket.get();
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (at.address().is_v6())
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
    bind_and_listen(
        fd, at.data(), static_cast<socklen_t>(at.size()), backlog, url_of(wanted.to_string())
    );
    l.url = url_of(local_of(fd).to_string());
    return l;
}

// An address that this machine does not have, as [::1] where IPv6 is off. A name may stand for such
// ones beside others.
bool is_absent(const error_code& error) {
    return error == boost::system::errc::address_not_available ||
           error == boost::system::errc::address_family_not_supported;
}

// Port 0 for several addresses: the port that the first got is tried for the others, a few times
// over.
std::vector<listening> listen_tcp(const endpoint_url& url, int backlog) {
    io_context resolving;
    tcp::resolver resolver(resolving);
    error_code error;
    const auto found =
        resolver.resolve(url.host, std::to_string(url.port), tcp::resolver::passive, error);
    if (error)
        throw system_error(error, url.to_string());
    std::vector<tcp::endpoint> addresses;
    for (const auto& entry : found)
        if (std::ranges::find(addresses, entry.endpoint()) == addresses.end())
            addresses.push_back(entry.endpoint());
    for (int tries = 0;; ++tries) {
        std::vector<listening> all;
        std::exception_ptr absent;
        try {
            for (tcp::endpoint at : addresses) {
                if (at.port() == 0 && !all.empty())
                    at.port(local_of(all.front().socket.get()).port());
                try {
                    all.push_back(listen_tcp(at, backlog));
                } catch (const system_error& e) {
                    if (!is_absent(e.code()))
                        throw;
                    absent = std::current_exception();
                }
            }
            if (all.empty())
                std::rethrow_exception(absent);
            return all;
        } catch (const system_error& e) {
            const bool taken = e.code() == boost::system::errc::address_in_use;
            if (!taken || url.port != 0 || all.empty() || tries == 10)
                throw;
        }
    }
}

// A socket that nobody listens on is left by a process that was killed.
void remove_stale(const sockaddr_un& address, const std::string& url) {
    struct stat existing{};
    if (::lstat(address.sun_path, &existing) != 0)
        return;
    if (!S_ISSOCK(existing.st_mode))
        fail(url + ": there is a file that is not a socket", EADDRINUSE);
    const unique_fd probe = open_socket(AF_UNIX, url);
    const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(probe.get(), generic, sizeof address) != 0 && errno == ECONNREFUSED)
        ::unlink(address.sun_path);
}

std::vector<listening> listen_unix(const endpoint_url& url, int backlog) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    url.path.copy(address.sun_path, sizeof address.sun_path - 1);
    remove_stale(address, url.to_string());
    std::vector<listening> one(1);
    one[0] = {open_socket(AF_UNIX, url.to_string()), url.to_string(), url.path};
    const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
    bind_and_listen(one[0].socket.get(), generic, sizeof address, backlog, url.to_string());
    return one;
}

}  // namespace

std::vector<listening> listen_at(const endpoint_url& url, int backlog) {
    switch (url.kind) {
    case endpoint_url::scheme::tcp:
        return listen_tcp(url, backlog);
    case endpoint_url::scheme::unix_stream:
        return listen_unix(url, backlog);
    case endpoint_url::scheme::udp:
        break;
    }
    throw configuration_error(
        url.to_string() + ": there are no datagram services; use tcp:// or unix:"
    );
}

}  // namespace coserve
