#include "udp_socket.hpp"

#include "core.hpp"
#include "socket_transport.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
// Before the kernel's own, which leaves out what it finds there.
#include <netinet/in.h>

#include <linux/errqueue.h>
#include <linux/filter.h>
#include <sys/socket.h>
#include <utility>

namespace coserve {

namespace {

class udp_transport final : public datagram_transport {
public:
    explicit udp_transport(unique_fd fd) : fd_(std::move(fd)), local_(local_of(fd_.get())) {}

    ~udp_transport() override { unwatch(); }

    void watch(core& c, watcher& w) override {
        c.readiness().add(fd_.get(), w);
        core_ = &c;
        watcher_ = &w;
    }

    void unwatch() noexcept override {
        if (watcher_)
            core_->readiness().remove(fd_.get(), *std::exchange(watcher_, nullptr));
    }

    int receive(std::span<mmsghdr> into) noexcept override {
        return call([&] {
            return ::recvmmsg(
                fd_.get(), into.data(), static_cast<unsigned>(into.size()), MSG_DONTWAIT, nullptr
            );
        });
    }

    int send(std::span<mmsghdr> from) noexcept override {
        return call([&] {
            return ::sendmmsg(
                fd_.get(),
                from.data(),
                static_cast<unsigned>(from.size()),
                MSG_DONTWAIT | MSG_NOSIGNAL
            );
        });
    }

    int next_refusal(endpoint& peer) noexcept override {
        sockaddr_in6 name{};
        alignas(cmsghdr) std::array<std::byte, 256> control;
        msghdr message{};
        message.msg_name = &name;
        message.msg_namelen = sizeof name;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        if (call([&] {
                return static_cast<int>(::recvmsg(fd_.get(), &message, MSG_ERRQUEUE | MSG_DONTWAIT)
                );
            }) < 0)
            return 0;
        peer = endpoint(reinterpret_cast<const sockaddr*>(&name), message.msg_namelen);
        for (cmsghdr* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
            const bool told = (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
                              (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);
            if (!told)
                continue;
            sock_extended_err error;
            std::memcpy(&error, CMSG_DATA(c), sizeof error);
            return static_cast<int>(error.ee_errno);
        }
        return EIO;
    }

    // A filter that takes nothing.
    void stop_arrivals() noexcept override {
        sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
        const sock_fprog program{1, &none};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    }

    void close() noexcept override {
        unwatch();
        fd_.reset();
    }

    const endpoint& local() const noexcept override { return local_; }

private:
    template <class F>
    static int call(F f) noexcept {
        for (;;) {
            const int result = f();
            if (result >= 0)
                return result;
            if (errno != EINTR)
                return -errno;
        }
    }

    unique_fd fd_;
    const endpoint local_;
    core* core_ = nullptr;
    watcher* watcher_ = nullptr;
};

}  // namespace

unique_fd open_udp_socket(int family, const datagram_limits& limits) noexcept {
    unique_fd fd(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (fd && limits.receive_buffer != 0) {
        const int half = static_cast<int>(limits.receive_buffer / 2);  // the kernel doubles it
        if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &half, sizeof half) != 0)
            ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &half, sizeof half);
    }
    return fd;
}

std::unique_ptr<datagram_transport> make_udp_transport(unique_fd fd) {
    return std::make_unique<udp_transport>(std::move(fd));
}

}  // namespace coserve
