// The limit that the others are measured by: what a server costs that does nothing but its system
// calls.
//
// One thread, level-triggered epoll. An event costs one recv, which takes all that has arrived, and
// one send, which answers every complete frame of it from the same bytes. A connection is its
// descriptor and nothing else, unless a part of a frame has arrived or a reply waits for room: only
// then it has a buffer of its own.
#include "descriptors.hpp"
#include "to_upper.hpp"

#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <vector>

namespace {

constexpr std::size_t header_size = 4;
constexpr std::size_t max_payload = 16 << 20;
// More than a second-level cache takes well is no gain.
constexpr std::size_t receive_size = 256 << 10;

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

int check(int result, const char* what) {
    return result < 0 ? (fail(what), result) : result;
}

std::size_t payload_size(const char* frame) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(frame);
    return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | static_cast<std::uint32_t>(bytes[3]) << 24;
}

// What a connection keeps from one event to the next: [sent, answered) are replies that the kernel
// did not take, [answered, end) is the beginning of a frame. While replies wait, nothing is
// received.
struct backlog {
    explicit backlog(std::size_t size)
        : capacity(size), data(std::make_unique_for_overwrite<char[]>(size)) {}

    std::size_t capacity;
    std::size_t sent = 0;
    std::size_t answered = 0;
    std::size_t end = 0;
    std::unique_ptr<char[]> data;
};

class server {
public:
    explicit server(int listener)
        : listener_(listener), epoll_(check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {
        watch(EPOLL_CTL_ADD, listener_, EPOLLIN);
    }

    [[noreturn]] void run() {
        std::array<epoll_event, 512> events;
        for (;;) {
            const int count = epoll_wait(epoll_, events.data(), events.size(), -1);
            if (count < 0 && errno != EINTR)
                fail("epoll_wait");
            for (int i = 0; i < count; ++i)
                on_event(events[i].data.fd);
        }
    }

private:
    void watch(int operation, int descriptor, std::uint32_t events) {
        epoll_event event{};
        event.events = events;
        event.data.fd = descriptor;
        check(epoll_ctl(epoll_, operation, descriptor, &event), "epoll_ctl");
    }

    void on_event(int descriptor) {
        if (descriptor == listener_)
            accept_all();
        else if (const auto& kept = backlogs_[descriptor]; kept && kept->sent < kept->answered)
            send_rest(descriptor);
        else
            receive(descriptor);
    }

    void accept_all() {
        for (;;) {
            const int descriptor =
                accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (descriptor < 0) {
                if (errno == ECONNABORTED)
                    continue;
                if (errno == EAGAIN)
                    return;
                fail("accept4");
            }
            if (backlogs_.size() <= static_cast<std::size_t>(descriptor))
                backlogs_.resize(descriptor + 1);
            watch(EPOLL_CTL_ADD, descriptor, EPOLLIN);
        }
    }

    void receive(int descriptor) {
        const auto& kept = backlogs_[descriptor];
        char* const data = kept ? kept->data.get() : shared_.data();
        const std::size_t capacity = kept ? kept->capacity : shared_.size();
        std::size_t end = kept ? kept->end : 0;
        const ssize_t received = recv(descriptor, data + end, capacity - end, 0);
        if (received < 0 && errno == EAGAIN)
            return;
        if (received <= 0) {
            close_connection(descriptor);
            return;
        }
        end += received;

        std::size_t answered = 0;
        bool broken = false;
        while (end - answered >= header_size) {
            const std::size_t size = payload_size(data + answered);
            broken = size > max_payload;
            if (broken || end - answered - header_size < size)
                break;
            to_upper(data + answered + header_size, size);
            answered += header_size + size;
        }

        std::size_t sent = 0;
        if (answered > 0) {
            const ssize_t taken = send(descriptor, data, answered, MSG_NOSIGNAL);
            if (taken >= 0)
                sent = taken;
            else if (errno != EAGAIN)
                broken = true;
        }
        if (broken)
            close_connection(descriptor);
        else if (sent < answered)
            keep_replies(descriptor, data, sent, answered, end);
        else if (answered < end || kept)
            keep_request(descriptor, data + answered, end - answered);
    }

    void send_rest(int descriptor) {
        auto& kept = *backlogs_[descriptor];
        const ssize_t taken =
            send(descriptor, kept.data.get() + kept.sent, kept.answered - kept.sent, MSG_NOSIGNAL);
        if (taken < 0 && errno == EAGAIN)
            return;
        if (taken < 0) {
            close_connection(descriptor);
            return;
        }
        kept.sent += taken;
        if (kept.sent == kept.answered) {
            watch(EPOLL_CTL_MOD, descriptor, EPOLLIN);
            keep_request(descriptor, kept.data.get() + kept.answered, kept.end - kept.answered);
        }
    }

    void keep_replies(
        int descriptor, const char* data, std::size_t sent, std::size_t answered, std::size_t end
    ) {
        auto& kept = backlogs_[descriptor];
        if (!kept) {
            kept = std::make_unique<backlog>(end - sent);
            std::memcpy(kept->data.get(), data + sent, end - sent);
            answered -= sent;
            end -= sent;
            sent = 0;
        }
        kept->sent = sent;
        kept->answered = answered;
        kept->end = end;
        watch(EPOLL_CTL_MOD, descriptor, EPOLLOUT);
    }

    // The beginning of a frame, or nothing, moves to the front of a buffer that has room for all of
    // that frame. The next recv goes straight behind it, and a frame that is larger than the
    // buffers here is copied no further.
    void keep_request(int descriptor, const char* begin, std::size_t size) {
        auto& kept = backlogs_[descriptor];
        if (size == 0) {
            kept.reset();
            return;
        }
        std::size_t capacity = receive_size;
        if (size >= header_size)
            capacity = std::max(capacity, header_size + payload_size(begin));
        if (!kept || kept->capacity < capacity) {
            auto larger = std::make_unique<backlog>(capacity);
            std::memcpy(larger->data.get(), begin, size);
            kept = std::move(larger);
        } else if (begin != kept->data.get()) {
            std::memmove(kept->data.get(), begin, size);
        }
        kept->sent = kept->answered = 0;
        kept->end = size;
    }

    void close_connection(int descriptor) {
        backlogs_[descriptor].reset();
        close(descriptor);
    }

    int listener_;
    int epoll_;
    std::vector<std::unique_ptr<backlog>> backlogs_;  // by descriptor
    alignas(64) std::array<char, receive_size> shared_;
};

int listen_anywhere() {
    const int listener =
        check(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
    const int on = 1;  // the connections inherit it
    check(setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    check(bind(listener, reinterpret_cast<sockaddr*>(&address), size), "bind");
    check(listen(listener, 4096), "listen");
    check(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
    std::cout << ntohs(address.sin_port) << std::endl;
    return listener;
}

}  // namespace

int main() {
    raise_descriptor_limit();
    // Buffers come and go with each large frame: their pages are to stay with the process.
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    std::make_unique<server>(listen_anywhere())->run();
}
