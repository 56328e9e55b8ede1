// A client of plain blocking sockets: what it sees is what the wire has. Every call is bounded.
#pragma once

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <utility>

namespace coserve::faults {

inline std::string framed(std::string_view payload) {
    const auto size = static_cast<std::int32_t>(payload.size());
    std::string bytes(sizeof size, '\0');
    std::memcpy(bytes.data(), &size, sizeof size);
    return bytes.append(payload);
}

class plain_client {
public:
    // `url` is a listener's, tcp://127.0.0.1:PORT.
    explicit plain_client(const std::string& url, int receive_buffer = 0) {
        socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const timeval limit{20, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        if (receive_buffer != 0)
            ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port =
            htons(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
        if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error(std::string("connect: ") + std::strerror(errno));
    }

    plain_client(plain_client&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}

    plain_client(const plain_client&) = delete;
    plain_client& operator=(const plain_client&) = delete;

    ~plain_client() {
        if (socket_ >= 0)
            ::close(socket_);
    }

    // False: the other end does not take it any more.
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n < 0)
                return false;
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
        return true;
    }

    // As many bytes as asked for, or fewer at the end.
    std::string receive(std::size_t size) {
        std::string bytes(size, '\0');
        std::size_t got = 0;
        while (got < size) {
            const ssize_t n = ::recv(socket_, bytes.data() + got, size - got, 0);
            if (n <= 0) {
                error_ = n < 0 ? errno : 0;
                break;
            }
            got += static_cast<std::size_t>(n);
        }
        bytes.resize(got);
        return bytes;
    }

    // All until the other end's FIN; error() says where it was something else.
    std::string receive_rest() {
        std::string all;
        for (;;) {
            const std::string some = receive(std::size_t{64} << 10);
            all += some;
            if (some.size() < std::size_t{64} << 10)
                return all;
        }
    }

    void finish() { ::shutdown(socket_, SHUT_WR); }

    // RST, whatever is on its way.
    void reset() {
        const linger at_once{1, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        ::close(std::exchange(socket_, -1));
    }

    // Of the receive that ended early; 0: a FIN.
    int error() const noexcept { return error_; }

private:
    int socket_ = -1;
    int error_ = 0;
};

}  // namespace coserve::faults
