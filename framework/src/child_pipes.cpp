#include "child_pipes.hpp"

#include "core.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

namespace coserve {

// ---- output

output_pipe::output_pipe(core& c, pipe_owner& owner, unique_fd fd)
    : core_(&c), owner_(owner), descriptor_(std::move(fd)) {
    core_->readiness().add(descriptor_.get(), *this);
}

std::optional<frame> output_pipe::take() {
    give_back();
    if (!readable_ || over())
        return std::nullopt;
    if (read_turn_ == core_->turn_number()) {
        core_->readiness().tell_later(*this, EPOLLIN);
        return std::nullopt;
    }
    if (left_ == 0U) {
        close();
        return std::nullopt;
    }
    read_turn_ = core_->turn_number();
    lent_ = core_->buffers().take(buffer_pool::normal);
    const std::size_t wanted = room();
    const ssize_t size = ::read(descriptor_.get(), lent_.data, wanted);
    // The next edge tells of more.
    if (size < static_cast<ssize_t>(wanted))
        readable_ = size > 0 && hung_up_;
    if (size > 0) {
        if (left_)
            *left_ -= static_cast<std::size_t>(size);
        return frame(lent_.data, static_cast<std::size_t>(size));
    }
    give_back();
    if (size == 0 || left_ || (errno != EAGAIN && errno != EINTR))
        close();
    return std::nullopt;
}

std::size_t output_pipe::room() const noexcept {
    return std::min(left_.value_or(buffer_pool::normal), buffer_pool::normal);
}

void output_pipe::finish() noexcept {
    if (over() || left_)
        return;
    int count = 0;
    ::ioctl(descriptor_.get(), FIONREAD, &count);
    left_ = static_cast<std::size_t>(count);
    readable_ = true;
}

void output_pipe::give_back() noexcept {
    if (lent_.data && core_)
        core_->buffers().give(std::exchange(lent_, {}));
}

void output_pipe::close() noexcept {
    if (over())
        return;
    if (core_)
        core_->readiness().remove(descriptor_.get(), *this);
    descriptor_.reset();
}

void output_pipe::leave() noexcept {
    give_back();
    close();
    core_ = nullptr;
}

void output_pipe::on_ready(std::uint32_t events) {
    readable_ = readable_ || (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
    hung_up_ = hung_up_ || (events & (EPOLLHUP | EPOLLERR)) != 0;
    owner_.on_pipe_ready();
}

// ---- input

input_pipe::input_pipe(core& c, pipe_owner& owner, unique_fd fd)
    : core_(&c), owner_(owner), descriptor_(std::move(fd)) {
    if (descriptor_)
        core_->readiness().add(descriptor_.get(), *this);
}

std::size_t input_pipe::put(frame_view data) noexcept {
    if (over() || !writable_)
        return 0;
    const ssize_t size = ::write(descriptor_.get(), data.data(), data.size());
    writable_ = size == static_cast<ssize_t>(data.size());
    if (size >= 0)
        return static_cast<std::size_t>(size);
    if (errno != EAGAIN && errno != EINTR)
        close();
    return 0;
}

void input_pipe::close() noexcept {
    if (over())
        return;
    if (core_)
        core_->readiness().remove(descriptor_.get(), *this);
    descriptor_.reset();
}

void input_pipe::leave() noexcept {
    close();
    core_ = nullptr;
}

void input_pipe::on_ready(std::uint32_t events) {
    if ((events & EPOLLERR) != 0)  // its last reader has gone
        close();
    writable_ = true;
    owner_.on_pipe_ready();
}

}  // namespace coserve
