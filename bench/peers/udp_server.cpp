// The limit for datagrams: one blocking socket, one recvmmsg that takes all that has arrived, one
// sendmmsg that sends it back in upper case. It takes datagrams of every size, as coserve does.
#include "to_upper.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>

namespace {

constexpr std::size_t batch = 64;
constexpr std::size_t longest = 65'507;
// A line of the cache more than a power of two, so that the buffers do not share a few of them.
constexpr std::size_t stride = 65'600;

int check(int result, const char* what) {
    if (result < 0) {
        std::perror(what);
        std::exit(1);
    }
    return result;
}

int bind_anywhere() {
    const int fd = check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    const int buffer = 2 << 20;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    check(bind(fd, reinterpret_cast<sockaddr*>(&address), size), "bind");
    check(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
    std::cout << ntohs(address.sin_port) << std::endl;
    return fd;
}

}  // namespace

int main() {
    const int fd = bind_anywhere();
    const auto data = std::make_unique_for_overwrite<char[]>(batch * stride);
    static std::array<sockaddr_in, batch> senders;
    static std::array<iovec, batch> parts;
    static std::array<mmsghdr, batch> messages;
    for (std::size_t i = 0; i < batch; ++i) {
        parts[i] = {data.get() + i * stride, longest};
        messages[i].msg_hdr = {};
        messages[i].msg_hdr.msg_name = &senders[i];
        messages[i].msg_hdr.msg_namelen = sizeof senders[i];
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    for (;;) {
        const int count = recvmmsg(fd, messages.data(), batch, MSG_WAITFORONE, nullptr);
        if (count <= 0)
            continue;
        for (int i = 0; i < count; ++i) {
            parts[i].iov_len = messages[i].msg_len;
            to_upper(static_cast<char*>(parts[i].iov_base), messages[i].msg_len);
        }
        for (int sent = 0; sent < count;) {
            const int taken = sendmmsg(fd, messages.data() + sent, count - sent, 0);
            sent += taken > 0 ? taken : 1;  // what the kernel refuses is dropped
        }
        for (int i = 0; i < count; ++i) {
            parts[i].iov_len = longest;
            messages[i].msg_hdr.msg_namelen = sizeof senders[i];
        }
    }
}
