#include "acceptor.hpp"

#include "socket_transport.hpp"

#include <cerrno>
#include <chrono>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace coserve {

namespace {

constexpr auto back_off = std::chrono::milliseconds(100);
constexpr int accepts_a_turn = 64;
constexpr int longest_backlog = 65536;

// What ended before it was accepted, and concerns nobody.
bool is_passing(int error) {
    return error == EINTR || error == ECONNABORTED || error == EPROTO || error == EPERM ||
           error == ENETDOWN || error == ENOPROTOOPT || error == EHOSTDOWN || error == ENONET ||
           error == EHOSTUNREACH || error == ENETUNREACH;
}

}  // namespace

acceptor::acceptor(core& c, listening l, callbacks f)
    : core_(&c), listening_(std::move(l)), callbacks_(std::move(f)) {
    core_->admit(*this);
}

acceptor::~acceptor() {
    close();
    if (core_)
        core_->dismiss(*this);
}

void acceptor::start() {
    core_->readiness().add(listening_.socket.get(), *this);
    core_->readiness().tell_later(*this, EPOLLIN);
}

void acceptor::stop() noexcept {
    unlink();
    if (core_ && listening_.socket)
        accept_some(longest_backlog);
    close();
}

void acceptor::on_ready(std::uint32_t) {
    if (deadline() == never && accept_some(accepts_a_turn))
        core_->readiness().tell_later(*this, EPOLLIN);
}

void acceptor::on_timer() noexcept {
    core_->readiness().tell_later(*this, EPOLLIN);
}

void acceptor::on_shutdown() noexcept {
    close();
    core_ = nullptr;
}

// True: there may be more.
bool acceptor::accept_some(int most) {
    for (int i = 0; i < most; ++i) {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        auto* const generic = reinterpret_cast<sockaddr*>(&address);
        unique_fd accepted(
            ::accept4(listening_.socket.get(), generic, &size, SOCK_NONBLOCK | SOCK_CLOEXEC)
        );
        if (accepted) {
            failing_ = false;
            const int fd = accepted.get();
            callbacks_.accepted(
                std::move(accepted),
                address.ss_family == AF_UNIX ? peer_of(fd) : endpoint(generic, size)
            );
            if (!listening_.socket)  // a hook ended the server
                return false;
        } else if (errno == EAGAIN) {
            return false;
        } else if (!is_passing(errno)) {  // EMFILE and its kin fail again at once, for ever
            const error_code error(errno, boost::system::system_category());
            if (!std::exchange(failing_, true))
                callbacks_.failed(error);
            core_->timers().arm(*this, core_->timers().now() + back_off);
            return false;
        }
    }
    return true;
}

void acceptor::close() noexcept {
    if (!listening_.socket)
        return;
    if (core_) {
        core_->timers().forget(*this);
        core_->readiness().remove(listening_.socket.get(), *this);
    }
    unlink();
    listening_.socket.reset();
}

// Before the socket is closed: from then on another server may take the path for stale, and put its
// own there.
void acceptor::unlink() noexcept {
    if (!listening_.unlink_path.empty())
        ::unlink(std::exchange(listening_.unlink_path, {}).c_str());
}

}  // namespace coserve
