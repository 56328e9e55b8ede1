// What a connection costs from its beginning to its end: connect, one exchange, close, as many as
// CONNECTIONS at a time, COUNT in all.
//
//     $ connect_client PORT CONNECTIONS COUNT
//     {"completed": 4000, "seconds": 0.200}
#include "descriptors.hpp"

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr std::array<char, 9> request{5, 0, 0, 0, 'h', 'e', 'l', 'l', 'o'};

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

int check(int result, const char* what) {
    return result < 0 ? (fail(what), result) : result;
}

class load {
public:
    load(int port, long count) : left_(count) {
        address_.sin_family = AF_INET;
        address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address_.sin_port = htons(static_cast<std::uint16_t>(port));
    }

    void run(int connections) {
        for (int i = 0; i < connections; ++i)
            begin();
        while (open_ > 0) {
            const int count =
                check(epoll_wait(epoll_, events_.data(), events_.size(), -1), "epoll_wait");
            for (int i = 0; i < count; ++i)
                go_on(events_[i].data.fd, events_[i].events);
        }
    }

private:
    void begin() {
        if (left_-- <= 0)
            return;
        const int peer =
            check(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
        if (connect(peer, reinterpret_cast<sockaddr*>(&address_), sizeof address_) != 0 &&
            errno != EINPROGRESS)
            fail("connect");
        watch(EPOLL_CTL_ADD, peer, EPOLLOUT);
        ++open_;
    }

    void go_on(int peer, std::uint32_t events) {
        if (events & EPOLLOUT) {
            if (send(peer, request.data(), request.size(), MSG_NOSIGNAL) != request.size())
                fail("send");
            return watch(EPOLL_CTL_MOD, peer, EPOLLIN);
        }
        std::array<char, 16> reply;
        if (recv(peer, reply.data(), reply.size(), 0) != request.size() ||
            std::memcmp(reply.data() + 4, "HELLO", 5) != 0) {
            std::fputs("a wrong reply\n", stderr);
            std::exit(1);
        }
        close(peer);
        --open_;
        begin();
    }

    void watch(int operation, int descriptor, std::uint32_t events) {
        epoll_event event{};
        event.events = events;
        event.data.fd = descriptor;
        check(epoll_ctl(epoll_, operation, descriptor, &event), "epoll_ctl");
    }

    int epoll_ = check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    sockaddr_in address_{};
    long left_;
    int open_ = 0;
    std::array<epoll_event, 512> events_{};
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fputs("usage: connect_client PORT CONNECTIONS COUNT\n", stderr);
        return 2;
    }
    raise_descriptor_limit();
    const long count = std::atol(argv[3]);
    load clients(std::atoi(argv[1]), count);
    const auto start = std::chrono::steady_clock::now();
    clients.run(std::atoi(argv[2]));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::printf("{\"completed\": %ld, \"seconds\": %.3f}\n", count, took.count());
}
