#include "listen_socket.hpp"

#include "listen_addresses.hpp"
#include "socket_transport.hpp"

#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace coserve {

namespace {

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
listening listen_tcp(const endpoint& at, int backlog) {
    const std::string wanted = "tcp://" + at.to_string();
    listening l{open_socket(at.is_v6() ? AF_INET6 : AF_INET, wanted), {}, {}};
    const int fd = l.socket.get();
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (at.is_v6())
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
    sockaddr_in6 room{};
    auto* const generic = reinterpret_cast<sockaddr*>(&room);
    const auto size = static_cast<socklen_t>(at.to_sockaddr(generic));
    bind_and_listen(fd, generic, size, backlog, wanted);
    l.url = "tcp://" + local_of(fd).to_string();
    return l;
}

std::vector<listening> listen_tcp(const endpoint_url& url, int backlog) {
    return listen_at_each<listening>(
        url,
        [backlog](const endpoint& at) { return listen_tcp(at, backlog); },
        [](const listening& l) { return local_of(l.socket.get()).port(); }
    );
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
    throw std::logic_error("datagrams come to sockets of their own");
}

}  // namespace coserve
