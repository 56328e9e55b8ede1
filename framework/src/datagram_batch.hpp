// Room for the datagrams that one system call receives.
#pragma once

#include <coserve/datagram.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <netinet/in.h>
#include <span>
#include <sys/socket.h>

namespace coserve {

class datagram_batch {
public:
    static constexpr unsigned most = 64;

    // `longest`: what is longer is cut. `local`: where all come to, or an unspecified address, for
    // which each tells.
    datagram_batch(std::size_t longest, const endpoint& local);
    datagram_batch(const datagram_batch&) = delete;
    datagram_batch& operator=(const datagram_batch&) = delete;
    ~datagram_batch();

    // What was received before is no more.
    std::span<mmsghdr> room() noexcept;
    void fill(unsigned count) noexcept { size_ = count; }

    unsigned size() const noexcept { return size_; }

    // Until the next call of this, or of room().
    datagram operator[](unsigned index) noexcept;

private:
    struct alignas(8) slot {
        std::array<std::byte, 64> control;  // first: it holds what is aligned as a slot is
        sockaddr_in6 sender;
    };

    std::byte* data(unsigned index) const noexcept { return data_.get() + index * stride_; }

    endpoint address_of(const msghdr&) const noexcept;

    const std::size_t longest_, stride_;
    const endpoint bound_;
    const bool asks_local_;
    endpoint sender_, local_;
    unsigned size_ = 0;
    // Of memory that is not touched before it is received into.
    std::unique_ptr<std::byte[]> data_;
    std::array<slot, most> slots_;
    std::array<iovec, most> parts_;
    std::array<mmsghdr, most> headers_;
};

}  // namespace coserve
