/// \file
/// Two connected sockets, and what a bare program does with them.
#pragma once

#include <coserve/frame.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <span>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace coserve::bench {

inline int checked(int result, const char* what) {
    if (result < 0)
        throw std::system_error(errno, std::system_category(), what);
    return result;
}

class descriptor {
public:
    explicit descriptor(int fd) noexcept : fd_(fd) {}

    descriptor(descriptor&& other) noexcept : fd_(other.release()) {}

    descriptor& operator=(descriptor&&) = delete;

    ~descriptor() {
        if (fd_ >= 0)
            ::close(fd_);
    }

    int get() const noexcept { return fd_; }

    int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_;
};

/// Both ends are non-blocking.
struct socket_pair {
    descriptor client, server;
};

inline socket_pair local_pair() {
    std::array<int, 2> ends{};
    checked(
        ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()),
        "socketpair"
    );
    return {descriptor(ends[0]), descriptor(ends[1])};
}

inline void without_delay(const descriptor& socket) {
    const int on = 1;
    checked(::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "setsockopt");
}

inline socket_pair tcp_pair() {
    const descriptor listener(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const where = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    checked(::bind(listener.get(), where, size), "bind");
    checked(::listen(listener.get(), 1), "listen");
    checked(::getsockname(listener.get(), where, &size), "getsockname");
    descriptor client(
        checked(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket")
    );
    if (::connect(client.get(), where, size) != 0 && errno != EINPROGRESS)
        throw std::system_error(errno, std::system_category(), "connect");
    descriptor server(checked(
        ::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC), "accept4"
    ));
    without_delay(client);
    without_delay(server);
    return {std::move(client), std::move(server)};
}

/// An epoll set that tells of input at its edge, as a server's does.
inline descriptor epoll_of(int watched) {
    descriptor set(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
    epoll_event event{EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.fd = watched}};
    checked(::epoll_ctl(set.get(), EPOLL_CTL_ADD, watched, &event), "epoll_ctl");
    return set;
}

/// Framed as by default: a length of 4 bytes, then the payload.
inline bytes frame_of(std::size_t payload) {
    bytes frame(sizeof(std::uint32_t) + payload, std::byte{'x'});
    const auto length = static_cast<std::uint32_t>(payload);
    std::memcpy(frame.data(), &length, sizeof length);
    return frame;
}

/// Memory that lies apart from a page's beginning: a Unix socket's copies are half as fast where
/// the kernel's side, which begins at one, and ours are alike in their last twelve bits.
class placed_buffer {
public:
    explicit placed_buffer(std::size_t size) : memory_(size + 2 * page) {
        void* at = memory_.data();
        std::size_t room = memory_.size();
        data_ = {static_cast<std::byte*>(std::align(page, size + page, at, room)) + 256, size};
    }

    explicit placed_buffer(const bytes& content) : placed_buffer(content.size()) {
        std::copy(content.begin(), content.end(), data_.begin());
    }

    placed_buffer(const placed_buffer&) = delete;
    placed_buffer& operator=(const placed_buffer&) = delete;

    std::span<std::byte> data() const noexcept { return data_; }

private:
    static constexpr std::size_t page = 4096;

    bytes memory_;
    std::span<std::byte> data_;
};

/// Whether all of it went into the socket's buffer with one call.
inline bool send_whole(int socket, std::span<const std::byte> data) noexcept {
    const ssize_t sent = ::send(socket, data.data(), data.size(), MSG_NOSIGNAL);
    return sent == static_cast<ssize_t>(data.size());
}

/// Whether one call brought all of it.
inline bool receive_whole(int socket, std::span<std::byte> into) noexcept {
    const ssize_t received = ::recv(socket, into.data(), into.size(), 0);
    return received == static_cast<ssize_t>(into.size());
}

}  // namespace coserve::bench
