// A room full of members, on loopback: fanout_client PORT MEMBERS SIZE SECONDS PID. The one who
// joined last says something whenever it has heard itself; all others listen. Prints, as JSON, the
// processor time that process PID took for each datagram that it delivered, how many a second, and
// how many never came.
#include "descriptors.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;

constexpr std::size_t batch = 16, longest = 2048;
constexpr auto patience = std::chrono::milliseconds(200);
constexpr char delivery = '\x84', welcome = '\x82', left = '\x88';

int check(int result, const char* what) {
    if (result < 0) {
        std::perror(what);
        std::exit(1);
    }
    return result;
}

// So that what coserve remembers of another run's members is not in the way.
const std::uint64_t first_attempt = static_cast<std::uint64_t>(::getpid()) << 32 | 1;

template <class Number>
std::string bytes_of(Number n) {
    return {reinterpret_cast<const char*>(&n), sizeof n};
}

struct member {
    int fd;
    std::string token{};
};

class room {
public:
    room(std::uint16_t port, std::size_t members, std::size_t size)
        : text_(size, 'x'), epoll_(check(epoll_create1(0), "epoll_create1")) {
        sockaddr_in server{};
        server.sin_family = AF_INET;
        server.sin_port = htons(port);
        server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        for (std::size_t i = 0; i < members; ++i)
            add(server, i);
        for (std::size_t i = 0; i < batch; ++i) {
            parts_[i] = {data_[i].data(), longest};
            messages_[i].msg_hdr = {};
            messages_[i].msg_hdr.msg_iov = &parts_[i];
            messages_[i].msg_hdr.msg_iovlen = 1;
        }
    }

    std::size_t size() const { return members_.size(); }

    std::uint64_t said() const { return said_; }

    std::uint64_t heard() const { return heard_; }

    void join() {
        for (std::size_t i = 0; i < members_.size(); ++i) {
            std::array<char, 8> name{};
            std::snprintf(
                name.data(), name.size(), "\x06m%05u", static_cast<unsigned>(i % 100'000)
            );
            const std::string request = "\xff\x01\x01" + bytes_of(first_attempt) +
                                        std::string(16, '\0') + "\x04room" + name.data();
            members_[i].token = ask(members_[i], request, welcome).substr(11, 8);
        }
    }

    void leave() {
        for (member& m : members_)
            ask(m, "\xff\x01\x02" + m.token, left);
    }

    // So many messages are under way at a time.
    void talk(double seconds, std::size_t together) {
        const auto end = clock_type::now() + std::chrono::duration<double>(seconds);
        auto last = clock_type::now();
        std::size_t under_way = 0;
        while (clock_type::now() < end) {
            for (; under_way < together; ++under_way)
                say();
            const std::size_t back = listen();
            under_way -= std::min(back, under_way);
            if (back != 0)
                last = clock_type::now();
            else if (clock_type::now() > last + patience)
                under_way = 0, last = clock_type::now();  // lost
        }
        while (listen() != 0 || heard_ < said_ * members_.size())
            if (clock_type::now() > end + patience)
                break;
    }

private:
    void add(const sockaddr_in& server, std::size_t number) {
        const int fd = check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
        const int buffer = 1 << 20;
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) != 0)
            setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
        check(connect(fd, reinterpret_cast<const sockaddr*>(&server), sizeof server), "connect");
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = number;
        check(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
        members_.push_back({fd});
    }

    // Again and again, until it is answered by that kind.
    std::string ask(member& m, const std::string& request, char kind) {
        std::array<char, longest> reply{};
        const timeval wait{0, 100'000};
        setsockopt(m.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        for (int i = 0; i < 100; ++i) {
            check(static_cast<int>(::send(m.fd, request.data(), request.size(), 0)), "send");
            for (;;) {
                const ssize_t size = ::recv(m.fd, reply.data(), reply.size(), 0);
                if (size < 0)
                    break;
                if (size >= 11 && reply[2] == kind)
                    return {reply.data(), static_cast<std::size_t>(size)};
            }
        }
        std::fputs("fanout_client: no answer\n", stderr);
        std::exit(1);
    }

    void say() {
        ++said_;
        const std::string datagram =
            "\xff\x01\x03" + members_.back().token + bytes_of(++sequence_) + text_;
        check(
            static_cast<int>(::send(members_.back().fd, datagram.data(), datagram.size(), 0)),
            "send"
        );
    }

    // How many of its own the speaker has heard.
    std::size_t listen() {
        std::array<epoll_event, 256> ready;
        const int count = epoll_wait(epoll_, ready.data(), ready.size(), 10);
        std::size_t own = 0;
        for (int i = 0; i < count; ++i) {
            const std::size_t heard = drain(members_[ready[i].data.u64].fd);
            heard_ += heard;
            if (ready[i].data.u64 == members_.size() - 1)
                own += heard;
        }
        return own;
    }

    std::size_t drain(int fd) {
        const int count = recvmmsg(fd, messages_.data(), batch, MSG_DONTWAIT, nullptr);
        std::size_t heard = 0;
        for (int i = 0; i < count; ++i)
            heard += messages_[i].msg_len > 27 && data_[i][2] == delivery;
        return heard;
    }

    const std::string text_;
    const int epoll_;
    std::vector<member> members_;
    std::array<std::array<char, longest>, batch> data_{};
    std::array<iovec, batch> parts_{};
    std::array<mmsghdr, batch> messages_{};
    std::uint64_t said_ = 0, heard_ = 0, sequence_ = 0;
};

// Nanoseconds, of all of its threads.
std::uint64_t processor_time(const std::string& process) {
    std::uint64_t sum = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/" + process + "/task")) {
        std::uint64_t used = 0;
        std::ifstream(task.path() / "schedstat") >> used;
        sum += used;
    }
    return sum;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) {
        std::fputs("usage: fanout_client PORT MEMBERS SIZE SECONDS PID\n", stderr);
        return 2;
    }
    raise_descriptor_limit();
    room r(
        static_cast<std::uint16_t>(std::atoi(argv[1])),
        static_cast<std::size_t>(std::atoi(argv[2])),
        std::min<std::size_t>(static_cast<std::size_t>(std::atoi(argv[3])), 1200)
    );
    const std::size_t together = std::max<std::size_t>(1, 64 / r.size());
    r.join();
    r.talk(0.1, together);
    const std::uint64_t said = r.said(), heard = r.heard(), used = processor_time(argv[5]);
    const auto begin = clock_type::now();
    r.talk(std::atof(argv[4]), together);
    const std::chrono::duration<double> lasted = clock_type::now() - begin;
    const double took = static_cast<double>(processor_time(argv[5]) - used);
    const double due = static_cast<double>((r.said() - said) * r.size());
    r.leave();
    std::printf(
        "{\"cpu_us\": %.4f, \"rate\": %.1f, \"lost\": %.0f}\n",
        took / due / 1e3,
        due / lasted.count(),
        std::max(0.0, due - static_cast<double>(r.heard() - heard))
    );
}
