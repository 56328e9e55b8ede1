#include "listen_datagrams.hpp"

#include "listen_addresses.hpp"
#include "udp_socket.hpp"

#include <cerrno>
#include <netinet/in.h>
#include <sys/socket.h>

namespace coserve {

namespace {

void set_option(int fd, int level, int name, int value) {
    ::setsockopt(fd, level, name, &value, sizeof value);
}

[[noreturn]] void fail(const endpoint& at) {
    const int error = errno;  // naming the address changes it
    throw system_error(error, boost::system::system_category(), "udp://" + at.to_string());
}

// The network's errors are told with the peer they are about; with several addresses each datagram
// tells which it came to.
void set_options(int fd, const endpoint& at) {
    if (at.is_v6()) {
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
        set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, at.is_unspecified() ? 1 : 0);
    } else {
        set_option(fd, IPPROTO_IP, IP_RECVERR, 1);
        set_option(fd, IPPROTO_IP, IP_PKTINFO, at.is_unspecified() ? 1 : 0);
    }
}

unique_fd bind_one(const endpoint& at, bool shares, const datagram_limits& limits) {
    unique_fd fd = open_udp_socket(at.is_v6() ? AF_INET6 : AF_INET, limits);
    if (!fd)
        fail(at);
    set_options(fd.get(), at);
    if (shares)
        set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
    sockaddr_in6 room{};
    auto* const generic = reinterpret_cast<sockaddr*>(&room);
    const auto size = static_cast<socklen_t>(at.to_sockaddr(generic));
    if (::bind(fd.get(), generic, size) != 0)
        fail(at);
    return fd;
}

// The first has the port to itself, or there is an error. Only then it is shared, with the others:
// between the two no one can take it.
bound_datagrams bind_each(const endpoint& at, std::size_t cores, const datagram_limits& limits) {
    bound_datagrams bound;
    bound.sockets.push_back(bind_one(at, false, limits));
    const int first = bound.sockets.front().get();
    const endpoint real = local_of(first);
    if (cores > 1)
        set_option(first, SOL_SOCKET, SO_REUSEPORT, 1);
    while (bound.sockets.size() < cores)
        bound.sockets.push_back(bind_one(real, true, limits));
    bound.url = "udp://" + real.to_string();
    return bound;
}

}  // namespace

std::vector<bound_datagrams>
bind_datagrams(const endpoint_url& url, std::size_t cores, const datagram_limits& limits) {
    return listen_at_each<bound_datagrams>(
        url,
        [&](const endpoint& at) { return bind_each(at, cores, limits); },
        [](const bound_datagrams& b) { return local_of(b.sockets.front().get()).port(); }
    );
}

}  // namespace coserve
