// The limit for servers of commands: what spawn_loop does, behind a socket. One thread a
// connection, one read a request, which is a program's path; the reply is its output behind its
// length, four bytes, little-endian.
#include "captured_command.hpp"

#include <cstdint>
#include <thread>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

namespace {

std::string output_of(const std::string& program) {
    captured_command c = start(program.c_str());
    std::string captured;
    while (!has_ended(c)) {
        pollfd waited[] = {{c.outputs[0], POLLIN, 0}, {c.outputs[1], POLLIN, 0}};
        ::poll(waited, 2, -1);
        for (std::size_t i = 0; i < 2; ++i)
            if (waited[i].fd >= 0 && waited[i].revents != 0)
                take(c.outputs[i], captured);
    }
    return captured;
}

void serve(int peer) {
    const int on = 1;
    ::setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    char request[4096];
    for (ssize_t n; (n = ::recv(peer, request, sizeof request, 0)) > 0;) {
        const std::string output = output_of({request, static_cast<std::size_t>(n)});
        const auto size = static_cast<std::uint32_t>(output.size());
        const std::string reply =
            std::string(reinterpret_cast<const char*>(&size), sizeof size) + output;
        if (::send(peer, reply.data(), reply.size(), MSG_NOSIGNAL) < 0)
            break;
    }
    ::close(peer);
}

}  // namespace

int main() {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (::bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        ::listen(listener, 64) != 0)
        fail("listen", errno);
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
    std::printf("%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    for (;;) {
        const int peer = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (peer < 0)
            fail("accept", errno);
        std::thread(serve, peer).detach();
    }
}
