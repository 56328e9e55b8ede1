#include "arrivals.hpp"

#include <cerrno>
#include <poll.h>
#include <utility>

namespace coserve {

bool arrivals::repeat(ssize_t n) noexcept {
    if (n >= 0) {
        moved_ += static_cast<std::uint64_t>(n);
        waited_ = false;
        return false;
    }
    if (errno != EAGAIN)
        return errno == EINTR;
    // Once: an urgent byte makes the socket readable, and no splice comes past it.
    return moved_ >= fast && !std::exchange(waited_, true) && come_soon();
}

bool arrivals::come_soon() noexcept {
    const auto begin = clock::now();
    pollfd readable{.fd = socket_, .events = POLLIN, .revents = 0};
    const bool ready = left_ > clock::duration::zero() &&
                       ::poll(&readable, 1, static_cast<int>(at_once.count())) > 0;
    left_ -= clock::now() - begin;
    errno = EAGAIN;
    return ready;
}

}  // namespace coserve
