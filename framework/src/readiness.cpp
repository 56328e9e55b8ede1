#include "readiness.hpp"

#include "core.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/epoll.h>
#include <utility>

namespace coserve {

namespace {

constexpr std::uint32_t all_edges = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET;
constexpr std::uint32_t of_input = EPOLLIN | EPOLLPRI;

unique_fd make_set() {
    unique_fd set(epoll_create1(EPOLL_CLOEXEC));
    if (!set)
        throw system_error(errno, boost::system::system_category(), "epoll_create1");
    return set;
}

}  // namespace

readiness::readiness(core& c) : core_(c), set_(make_set()), wait_(c.context(), set_.get(), *this) {}

void readiness::add(int descriptor, watcher& w) {
    epoll_event event{all_edges, {.ptr = &w}};
    if (epoll_ctl(set_.get(), EPOLL_CTL_ADD, descriptor, &event))
        throw system_error(errno, boost::system::system_category(), "epoll_ctl");
    w.watched_ = true;
    ++watched_;
    wait_on();
}

void readiness::watch_input(int descriptor, watcher& w, bool with) noexcept {
    epoll_event event{with ? all_edges : all_edges & ~of_input, {.ptr = &w}};
    epoll_ctl(set_.get(), EPOLL_CTL_MOD, descriptor, &event);
}

void readiness::add(watcher& w) noexcept {
    w.watched_ = true;
}

void readiness::remove(int descriptor, watcher& w) noexcept {
    if (!w.watched_)
        return;
    remove(w);
    if (set_)
        epoll_ctl(set_.get(), EPOLL_CTL_DEL, descriptor, nullptr);
    if (--watched_ == 0)
        core_.settle();
}

void readiness::remove(watcher& w) noexcept {
    w.watched_ = false;
    if (std::exchange(w.later_, 0))
        std::erase(later_, &w);
}

void readiness::tell_later(watcher& w, std::uint32_t events) {
    if (!w.watched_)
        return;
    if (!std::exchange(w.later_, w.later_ | events))
        later_.push_back(&w);
    if (!core_.in_turn())
        post_turn();
}

void readiness::post_turn() {
    if (!std::exchange(posted_, true))
        asio::post(core_.context(), [this] {
            posted_ = false;
            turn();
        });
}

void readiness::stop_waiting() noexcept {
    if (wait_.waiting())
        wait_.cancel();
}

void readiness::shutdown() noexcept {
    later_.clear();
    watched_ = 0;
    if (!set_)
        return;
    wait_.close();
    set_.reset();
}

void readiness::wait_on() noexcept {
    if (watched_ != 0 && !wait_.waiting())
        wait_.start();
}

void readiness::on_edge() {
    turn();
    wait_on();
}

void readiness::on_cancelled() {
    wait_on();
}

// At most one batch, then Asio's other work.
void readiness::turn() {
    std::array<epoll_event, 128> ready;
    const core::turn scope(core_);
    telling_.swap(later_);
    const int count = epoll_wait(set_.get(), ready.data(), static_cast<int>(ready.size()), 0);
    for (int i = 0; i < count; ++i)
        tell(*static_cast<watcher*>(ready[i].data.ptr), ready[i].events);
    for (watcher* w : telling_) {
        if (const auto events = std::exchange(w->later_, 0))
            tell(*w, events);
    }
    telling_.clear();
    if (count == static_cast<int>(ready.size()))  // the set's edge was this one
        post_turn();
}

void readiness::end_turn() {
    if (!later_.empty())
        post_turn();
}

void readiness::tell(watcher& w, std::uint32_t events) noexcept {
    if (!w.watched_)
        return;
    try {
        w.on_ready(events);
    } catch (...) {  // the others of this batch must still be told: their edges come once
        asio::post(core_.context(), [error = std::current_exception()] {
            std::rethrow_exception(error);
        });
    }
}

}  // namespace coserve
