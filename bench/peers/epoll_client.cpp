// The yardstick for the load tool: the least that a closed loop can cost. Each connection keeps
// DEPTH requests outstanding; a recv that completes k replies is followed by one send of k
// requests. Nothing is timed one by one and no reply is looked at: peers_test.py does that.
//
//     $ epoll_client PORT CONNECTIONS DEPTH SIZE SECONDS
//     {"completed": 1234567, "seconds": 5.000, "cpu_s": 4.321}
//
// What it took to connect is in none of them.
#include "descriptors.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

int check(int result, const char* what) {
    return result < 0 ? (fail(what), result) : result;
}

struct connection {
    int descriptor = -1;
    std::size_t replied = 0;  // bytes of a reply that is not complete yet
    std::size_t begun = 0;    // bytes of a request that is not sent completely
    std::size_t owed = 0;     // bytes that are to be sent
    bool full = false;        // the kernel takes no more at present
};

class load {
public:
    load(int port, std::size_t connections, std::size_t depth, std::size_t size)
        : frame_size_(4 + size), connections_(connections) {
        // All requests are alike, so whatever a connection owes is a stretch of this row.
        for (std::size_t i = 0; i <= depth; ++i) {
            for (int shift = 0; shift < 32; shift += 8)
                requests_.push_back(static_cast<char>(size >> shift));
            requests_.insert(requests_.end(), size, 'a');
        }
        for (connection& each : connections_) {
            each.descriptor = connect_to(port);
            each.owed = depth * frame_size_;
            watch(EPOLL_CTL_ADD, each, EPOLLIN);
        }
    }

    struct result {
        std::uint64_t completed;
        double seconds, cpu_s;
    };

    result run(double seconds) {
        const auto start = clock_type::now();
        const double cpu_before = cpu_seconds();
        for (connection& each : connections_)
            send_owed(each);
        for (;;) {
            const double elapsed = std::chrono::duration<double>(clock_type::now() - start).count();
            if (elapsed >= seconds)
                return {completed_, elapsed, cpu_seconds() - cpu_before};
            const auto left = static_cast<int>(std::ceil((seconds - elapsed) * 1000));
            const int count = epoll_wait(epoll_, events_.data(), events_.size(), left);
            if (count < 0 && errno != EINTR)
                fail("epoll_wait");
            for (int i = 0; i < count; ++i)
                on_event(*static_cast<connection*>(events_[i].data.ptr), events_[i].events);
        }
    }

private:
    static double cpu_seconds() {
        timespec used{};
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
        return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
    }

    static int connect_to(int port) {
        const int descriptor = check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        check(
            connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address), "connect"
        );
        const int on = 1;
        check(setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
        check(fcntl(descriptor, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
        return descriptor;
    }

    void watch(int operation, connection& to, std::uint32_t events) {
        epoll_event event{};
        event.events = events;
        event.data.ptr = &to;
        check(epoll_ctl(epoll_, operation, to.descriptor, &event), "epoll_ctl");
    }

    void on_event(connection& from, std::uint32_t events) {
        if (events & ~EPOLLOUT)
            receive(from);
        if (from.owed > 0)
            send_owed(from);
    }

    void receive(connection& from) {
        const ssize_t received = recv(from.descriptor, replies_.data(), replies_.size(), 0);
        if (received == 0) {
            std::fputs("the server has closed a connection\n", stderr);
            std::exit(1);
        }
        if (received < 0) {
            if (errno != EAGAIN)
                fail("recv");
            return;
        }
        from.replied += received;
        const std::size_t complete = from.replied / frame_size_;
        from.replied %= frame_size_;
        from.owed += complete * frame_size_;
        completed_ += complete;
    }

    void send_owed(connection& to) {
        ssize_t taken = send(to.descriptor, requests_.data() + to.begun, to.owed, MSG_NOSIGNAL);
        if (taken < 0) {
            if (errno != EAGAIN)
                fail("send");
            taken = 0;
        }
        to.owed -= taken;
        to.begun = (to.begun + taken) % frame_size_;
        if (to.full != (to.owed > 0)) {
            to.full = to.owed > 0;
            watch(EPOLL_CTL_MOD, to, to.full ? EPOLLIN | EPOLLOUT : EPOLLIN);
        }
    }

    int epoll_ = check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    std::size_t frame_size_;
    std::uint64_t completed_ = 0;
    std::vector<connection> connections_;
    std::vector<char> requests_;
    std::vector<char> replies_ = std::vector<char>(256 << 10);
    std::array<epoll_event, 512> events_{};
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) {
        std::fputs("usage: epoll_client PORT CONNECTIONS DEPTH SIZE SECONDS\n", stderr);
        return 2;
    }
    raise_descriptor_limit();
    load clients(
        std::atoi(argv[1]),
        std::strtoul(argv[2], nullptr, 10),
        std::max(1UL, std::strtoul(argv[3], nullptr, 10)),
        std::strtoul(argv[4], nullptr, 10)
    );
    const auto [completed, seconds, cpu_s] = clients.run(std::atof(argv[5]));
    std::printf(
        "{\"completed\": %ju, \"seconds\": %.3f, \"cpu_s\": %.6f}\n",
        std::uintmax_t{completed},
        seconds,
        cpu_s
    );
}
