// What asks servers of commands: `exec_client PORT AT_ONCE SECONDS PROGRAM`. So many connections,
// each with one command under way, in the format that coserve calls `concat`; prints how many a
// second. It shares the processors with what it measures, so it does little else.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using clock_type = std::chrono::steady_clock;

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

int connect_to(int port) {
    const int peer = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (peer < 0 || ::connect(peer, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        fail("connect");
    const int on = 1;
    ::setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return peer;
}

void send_all(int peer, std::string_view request) {
    if (::send(peer, request.data(), request.size(), 0) != static_cast<ssize_t>(request.size()))
        fail("send");
}

/// A whole one, and no complaint.
void take_reply(int peer) {
    char reply[65536];
    std::size_t size = 0;
    std::int32_t length = 0;
    while (size < sizeof length || size < sizeof length + static_cast<std::size_t>(length)) {
        const ssize_t more = ::recv(peer, reply + size, sizeof reply - size, 0);
        if (more <= 0)
            fail("recv");
        size += static_cast<std::size_t>(more);
        if (size >= sizeof length)
            std::memcpy(&length, reply, sizeof length);
    }
    const std::string_view text(reply + sizeof length, size - sizeof length);
    if (size != sizeof length + static_cast<std::size_t>(length) ||
        text.find("coserved: ") != text.npos) {
        std::fprintf(
            stderr, "not a good reply: %.*s\n", static_cast<int>(text.size()), text.data()
        );
        std::exit(1);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fputs("usage: exec_client PORT AT_ONCE SECONDS PROGRAM\n", stderr);
        return 2;
    }
    const std::string_view request = argv[4];
    std::vector<pollfd> peers;
    for (int i = 0; i < std::atoi(argv[2]); ++i)
        peers.push_back({connect_to(std::atoi(argv[1])), POLLIN, 0});
    const auto begin = clock_type::now();
    const auto end = begin + std::chrono::duration<double>(std::atof(argv[3]));
    for (const pollfd& each : peers)
        send_all(each.fd, request);
    std::size_t done = 0;
    while (clock_type::now() < end) {
        if (::poll(peers.data(), peers.size(), 10'000) <= 0)
            fail("poll");
        for (const pollfd& each : peers) {
            if (each.revents == 0)
                continue;
            take_reply(each.fd);
            ++done;
            send_all(each.fd, request);
        }
    }
    const std::chrono::duration<double> lasted = clock_type::now() - begin;
    std::printf("%.1f\n", static_cast<double>(done) / lasted.count());
}
