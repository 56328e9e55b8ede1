// The limit for a room: one blocking socket, and for each message that comes a bare loop of
// sendmmsg over the addresses of all who have joined. It speaks as much of coserve's chat as
// fanout_client does, checks nothing, and its one room has room for everybody.
#include "udp_listener.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t batch = 64;
constexpr std::size_t longest = 2048;
constexpr char join = 0x01, leave = 0x02, message = 0x03;

std::array<sockaddr_in, batch> senders;
std::array<iovec, batch> parts;
std::array<mmsghdr, batch> incoming, outgoing;
std::vector<sockaddr_in> members;

void answer(int fd, const sockaddr_in& to, const std::string& text) {
    sendto(fd, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

bool is(const sockaddr_in& a, const sockaddr_in& b) {
    return a.sin_port == b.sin_port && a.sin_addr.s_addr == b.sin_addr.s_addr;
}

void admit(int fd, const sockaddr_in& from, std::string_view text) {
    if (std::ranges::none_of(members, [&](const sockaddr_in& m) { return is(m, from); }))
        members.push_back(from);
    answer(fd, from, "\xff\x01\x82" + std::string(text.substr(3, 8)) + std::string(36, '\0'));
}

void dismiss(int fd, const sockaddr_in& from, std::string_view text) {
    std::erase_if(members, [&](const sockaddr_in& m) { return is(m, from); });
    answer(fd, from, "\xff\x01\x88" + std::string(text.substr(3, 8)));
}

// The text behind a header as long as coserve's: the room and the member stay zero.
void deliver(int fd, std::string_view text) {
    static std::array<char, longest + 64> datagram{"\xff\x01\x84"};
    static constexpr std::string_view name = "\x06m00000";
    constexpr std::size_t sequence = 19, head = 27 + name.size();
    std::memcpy(datagram.data() + sequence, text.data() + 11, 8);
    std::memcpy(datagram.data() + 27, name.data(), name.size());
    std::memcpy(datagram.data() + head, text.data() + 19, text.size() - 19);
    iovec part{datagram.data(), head + text.size() - 19};
    for (std::size_t begin = 0; begin < members.size();) {
        const auto count = static_cast<unsigned>(std::min(batch, members.size() - begin));
        for (unsigned i = 0; i < count; ++i) {
            outgoing[i].msg_hdr.msg_name = &members[begin + i];
            outgoing[i].msg_hdr.msg_namelen = sizeof members[begin + i];
            outgoing[i].msg_hdr.msg_iov = &part;
            outgoing[i].msg_hdr.msg_iovlen = 1;
        }
        const int sent = sendmmsg(fd, outgoing.data(), count, 0);
        begin +=
            sent > 0 ? static_cast<std::size_t>(sent) : 1;  // what the kernel refuses is dropped
    }
}

void take(int fd, const sockaddr_in& from, std::string_view text) {
    if (text.size() < 11)
        return;
    if (text[2] == join)
        admit(fd, from, text);
    else if (text[2] == leave)
        dismiss(fd, from, text);
    else if (text[2] == message && text.size() >= 19)
        deliver(fd, text);
}

}  // namespace

int main() {
    const int fd = bind_anywhere();
    const auto data = std::make_unique_for_overwrite<char[]>(batch * longest);
    for (std::size_t i = 0; i < batch; ++i) {
        parts[i] = {data.get() + i * longest, longest};
        incoming[i].msg_hdr = {};
        incoming[i].msg_hdr.msg_name = &senders[i];
        incoming[i].msg_hdr.msg_iov = &parts[i];
        incoming[i].msg_hdr.msg_iovlen = 1;
    }
    for (;;) {
        for (mmsghdr& m : incoming)
            m.msg_hdr.msg_namelen = sizeof(sockaddr_in);
        const int count = recvmmsg(fd, incoming.data(), batch, MSG_WAITFORONE, nullptr);
        for (int i = 0; i < count; ++i)
            take(fd, senders[i], {static_cast<char*>(parts[i].iov_base), incoming[i].msg_len});
    }
}
