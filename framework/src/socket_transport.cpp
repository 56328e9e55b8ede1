#include "socket_transport.hpp"

#include "core.hpp"

#include <cerrno>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace coserve {

namespace {

class socket_transport final : public transport {
public:
    socket_transport(unique_fd fd, const endpoint& peer) : fd_(std::move(fd)), peer_(peer) {}

    ~socket_transport() override { unwatch(); }

    void watch(core& c, watcher& w) override {
        c.readiness().add(fd_.get(), w);
        core_ = &c;
        watcher_ = &w;
    }

    void unwatch() noexcept override {
        if (watcher_)
            core_->readiness().remove(fd_.get(), *std::exchange(watcher_, nullptr));
    }

    void watch_input(bool with) noexcept override {
        if (watcher_)
            core_->readiness().watch_input(fd_.get(), *watcher_, with);
    }

    transfer read(std::span<std::byte> into) noexcept override {
        for (;;) {
            const ssize_t n = ::recv(fd_.get(), into.data(), into.size(), 0);
            if (n >= 0)
                return {static_cast<std::size_t>(n), 0};
            if (errno != EINTR)
                return {0, errno};
        }
    }

    transfer write(std::span<const iovec> from) noexcept override {
        msghdr message{};
        message.msg_iov = const_cast<iovec*>(from.data());
        message.msg_iovlen = from.size();
        for (;;) {
            const ssize_t n =
                from.size() == 1
                    ? ::send(fd_.get(), from[0].iov_base, from[0].iov_len, MSG_NOSIGNAL)
                    : ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
            if (n >= 0)
                return {static_cast<std::size_t>(n), 0};
            if (errno != EINTR)
                return {0, errno};
        }
    }

    void shutdown_write() noexcept override { ::shutdown(fd_.get(), SHUT_WR); }

    void close() noexcept override {
        unwatch();
        fd_.reset();
    }

    // Where another thread has a duplicate, closing this descriptor would tell the peer nothing,
    // and the thread would read on.
    void reset() noexcept override {
        const linger at_once{1, 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        const sockaddr nobody{};  // AF_UNSPEC: TCP sends its reset
        if (::connect(fd_.get(), &nobody, sizeof nobody) != 0)
            ::shutdown(fd_.get(), SHUT_RDWR);
        close();
    }

    std::size_t arrived() const noexcept override { return ask(FIONREAD); }

    std::size_t unacknowledged() const noexcept override { return ask(SIOCOUTQ); }

    int descriptor() const noexcept override { return fd_.get(); }

    const endpoint& peer() const noexcept override { return peer_; }

    endpoint local() const noexcept override { return local_of(fd_.get()); }

private:
    std::size_t ask(unsigned long what) const noexcept {
        int answer = 0;
        return ::ioctl(fd_.get(), what, &answer) == 0 ? static_cast<std::size_t>(answer) : 0;
    }

    unique_fd fd_;
    core* core_ = nullptr;
    watcher* watcher_ = nullptr;
    endpoint peer_;
};

}  // namespace

std::unique_ptr<transport> make_socket_transport(unique_fd fd, const endpoint& peer) {
    return std::make_unique<socket_transport>(std::move(fd), peer);
}

endpoint peer_of(int socket) noexcept {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        return endpoint::unix_peer(0);
    if (address.ss_family != AF_UNIX)
        return {reinterpret_cast<const sockaddr*>(&address), size};
    ucred process{};
    socklen_t process_size = sizeof process;
    ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &process, &process_size);
    return endpoint::unix_peer(process.pid);
}

endpoint local_of(int socket) noexcept {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        return endpoint::unix_peer(0);
    return {reinterpret_cast<const sockaddr*>(&address), size};
}

}  // namespace coserve
