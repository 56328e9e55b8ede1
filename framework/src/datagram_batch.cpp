#include "datagram_batch.hpp"

#include "poison.hpp"

#include <algorithm>
#include <cstring>

namespace coserve {

namespace {

constexpr std::size_t line = 64;  // of the cache

}  // namespace

// A line more than is needed: buffers a power of two apart would share a few lines of the cache.
datagram_batch::datagram_batch(std::size_t longest, const endpoint& local)
    : longest_(longest),
      stride_((longest + line - 1) / line * line + line),
      bound_(local),
      asks_local_(local.is_unspecified()),
      local_(local),
      data_(std::make_unique_for_overwrite<std::byte[]>(most * stride_)) {
    for (unsigned i = 0; i < most; ++i) {
        parts_[i] = {data(i), longest_};
        headers_[i] = {};
        headers_[i].msg_hdr.msg_name = &slots_[i].sender;
        headers_[i].msg_hdr.msg_iov = &parts_[i];
        headers_[i].msg_hdr.msg_iovlen = 1;
        headers_[i].msg_hdr.msg_control = asks_local_ ? slots_[i].control.data() : nullptr;
    }
    size_ = most;
    room();
}

datagram_batch::~datagram_batch() {
    unpoison(data_.get(), most * stride_);
}

std::span<mmsghdr> datagram_batch::room() noexcept {
    unpoison(data_.get(), most * stride_);
    for (unsigned i = 0; i < size_; ++i) {
        headers_[i].msg_hdr.msg_namelen = sizeof(sockaddr_in6);
        headers_[i].msg_hdr.msg_controllen = asks_local_ ? sizeof slots_[i].control : 0;
    }
    size_ = 0;
    return headers_;
}

datagram datagram_batch::operator[](unsigned index) noexcept {
    if (index != 0)
        poison(data(index - 1), stride_);
    const mmsghdr& m = headers_[index];
    sender_ =
        endpoint(reinterpret_cast<const sockaddr*>(&slots_[index].sender), m.msg_hdr.msg_namelen);
    if (asks_local_)
        local_ = address_of(m.msg_hdr);
    const std::size_t size = std::min<std::size_t>(m.msg_len, longest_);
    const bool truncated = (m.msg_hdr.msg_flags & MSG_TRUNC) != 0;
    return {frame(data(index), size), sender_, local_, truncated};
}

// Where it was sent to; to a broadcast, the address that answers for it.
endpoint datagram_batch::address_of(const msghdr& m) const noexcept {
    for (cmsghdr* c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(const_cast<msghdr*>(&m), c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            in_pktinfo info;
            std::memcpy(&info, CMSG_DATA(c), sizeof info);
            sockaddr_in in{};
            in.sin_family = AF_INET;
            in.sin_port = htons(bound_.port());
            in.sin_addr = info.ipi_spec_dst;
            return {reinterpret_cast<const sockaddr*>(&in), sizeof in};
        }
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info;
            std::memcpy(&info, CMSG_DATA(c), sizeof info);
            sockaddr_in6 in{};
            in.sin6_family = AF_INET6;
            in.sin6_port = htons(bound_.port());
            in.sin6_addr = info.ipi6_addr;
            if (IN6_IS_ADDR_LINKLOCAL(&in.sin6_addr))
                in.sin6_scope_id = info.ipi6_ifindex;
            return {reinterpret_cast<const sockaddr*>(&in), sizeof in};
        }
    }
    return bound_;
}

}  // namespace coserve
