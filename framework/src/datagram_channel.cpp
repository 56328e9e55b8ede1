#include "datagram_channel.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/epoll.h>
#include <utility>

namespace coserve {

namespace {

constexpr int refusals_a_turn = 64;

}  // namespace

datagram_channel::owner datagram_channel::open(
    core& c,
    std::unique_ptr<datagram_transport> t,
    const datagram_limits& limits,
    datagram_counters& counters,
    datagram_observer& observer
) {
    owner opened(new datagram_channel(c, std::move(t), limits, counters, observer));
    opened->transport_->watch(c, *opened);
    return opened;
}

datagram_channel::datagram_channel(
    core& c,
    std::unique_ptr<datagram_transport> t,
    const datagram_limits& limits,
    datagram_counters& counters,
    datagram_observer& observer
)
    : core_(&c),
      transport_(std::move(t)),
      counters_(counters),
      observer_(&observer),
      batch_(limits.max_datagram, transport_->local()),
      queue_(limits, transport_->local().is_unspecified(), counters) {
    c.admit(*this);
}

int datagram_channel::receive() noexcept {
    const int count = transport_->receive(batch_.room());
    batch_.fill(static_cast<unsigned>(std::max(count, 0)));
    counters_.received.add(batch_.size());
    return count;
}

void datagram_channel::read_later() {
    core_->readiness().tell_later(*this, EPOLLIN);
}

bool datagram_channel::send(const endpoint& to, const endpoint* from, frame_view content) {
    if (!core_ || closed_)
        return false;
    const auto piece = queue_.keep(content);
    const bool queued = queue_.add(to, from, piece);
    if (!queued)
        queue_.forget(piece);
    else
        ask_flush();
    return queued;
}

std::size_t
datagram_channel::send(std::span<const endpoint> to, const endpoint* from, frame_view content) {
    std::size_t queued = 0;
    while (core_ && !closed_ && !to.empty()) {
        const auto some = to.first(std::min<std::size_t>(to.size(), datagram_queue::batch));
        const auto piece = queue_.keep(content);
        const auto before = queue_.size();
        for (const endpoint& peer : some)
            queue_.add(peer, from, piece);
        const auto added = queue_.size() - before;
        queued += added;
        if (added == 0)
            queue_.forget(piece);
        else
            ask_flush();
        to = to.subspan(some.size());
    }
    return queued;
}

void datagram_channel::ask_flush() {
    if (queue_.blocked())
        return;
    if (queue_.size() >= datagram_queue::batch)
        queue_.flush(*transport_);
    else if (!std::exchange(turn_end_asked_, true))
        core_->at_turn_end(*this);
}

bool datagram_channel::flush() noexcept {
    return !core_ || closed_ || queue_.flush(*transport_);
}

void datagram_channel::on_ready(std::uint32_t events) {
    if (events & EPOLLERR)
        read_refusals();
    if ((events & EPOLLOUT) && queue_.blocked() && queue_.flush(*transport_) && observer_)
        observer_->on_flushed();
    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) && observer_)
        observer_->on_readable();
}

void datagram_channel::read_refusals() noexcept {
    endpoint peer;
    for (int i = 0; i < refusals_a_turn; ++i) {
        const int error = transport_->next_refusal(peer);
        if (error == 0)
            return;
        counters_.unreachable.add(1);
        queue_.count_drop(peer);
        if (observer_)
            observer_->on_refusal(peer, error);
    }
    core_->readiness().tell_later(*this, EPOLLERR);
}

void datagram_channel::on_turn_end() noexcept {
    turn_end_asked_ = false;
    if (dead_)
        delete this;
    else if (core_ && !closed_ && !queue_.blocked())
        queue_.flush(*transport_);
}

void datagram_channel::on_shutdown() noexcept {
    transport_->close();
    core_ = nullptr;
    if (observer_)
        observer_->on_shutdown();  // which may end this
}

// Something may still be on its way through this object: it is freed at the end of the turn.
void datagram_channel::end() noexcept {
    observer_ = nullptr;
    if (!core_)
        return free();
    if (!closed_ && !queue_.blocked())
        queue_.flush(*transport_);
    close();
    core_->dismiss(*this);
    dead_ = true;
    if (!std::exchange(turn_end_asked_, true))
        core_->at_turn_end(*this);
}

void datagram_channel::close() noexcept {
    closed_ = true;
    transport_->close();
}

void datagram_channel::free() noexcept {
    if (turn_end_asked_)
        dead_ = true;
    else
        delete this;
}

}  // namespace coserve
