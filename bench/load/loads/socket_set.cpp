#include "socket_set.hpp"

#include <coserve/error.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>

#include <poll.h>
#include <unistd.h>

namespace coserve_bench {

using namespace std::chrono_literals;

namespace {

constexpr coserve::duration short_wait = 2ms, longest_wait = 1min;

[[noreturn]] void fail(const char* call) {
    throw coserve::system_error(coserve::error_code(errno, boost::system::system_category()), call);
}

}  // namespace

socket_set::socket_set() : set_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (set_ < 0)
        fail("epoll_create1");
}

socket_set::~socket_set() {
    ::close(set_);
}

void socket_set::add(int socket, std::uint32_t events, void* owner) {
    control(EPOLL_CTL_ADD, socket, events, owner);
}

void socket_set::change(int socket, std::uint32_t events, void* owner) {
    control(EPOLL_CTL_MOD, socket, events, owner);
}

void socket_set::remove(int socket) {
    control(EPOLL_CTL_DEL, socket, 0, nullptr);
}

void socket_set::control(int operation, int socket, std::uint32_t events, void* owner) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = owner;
    if (::epoll_ctl(set_, operation, socket, &event) < 0)
        fail("epoll_ctl");
}

// epoll_wait() counts in milliseconds, and epoll_pwait2() is not everywhere.
int socket_set::wait(coserve::duration limit) {
    if (limit.count() == 0 || limit >= short_wait) {
        const auto bounded = std::min<coserve::duration>(limit, longest_wait);
        return take(static_cast<int>(std::chrono::floor<std::chrono::milliseconds>(bounded).count())
        );
    }
    const timespec left{0, limit.count()};
    pollfd all{set_, POLLIN, 0};
    if (::ppoll(&all, 1, &left, nullptr) < 0 && errno != EINTR)
        fail("ppoll");
    return take(0);
}

int socket_set::take(int milliseconds) {
    const int size = static_cast<int>(events_.size());
    const int count = ::epoll_wait(set_, events_.data(), size, milliseconds);
    if (count < 0 && errno != EINTR)
        fail("epoll_wait");
    return count;
}

}  // namespace coserve_bench
