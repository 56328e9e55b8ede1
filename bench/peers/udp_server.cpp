// The limit for datagrams: one blocking socket, one recvmmsg that takes all that has arrived, one
// sendmmsg that sends it back in upper case. It takes datagrams of every size, as coserve does.
#include "to_upper.hpp"
#include "udp_listener.hpp"

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
