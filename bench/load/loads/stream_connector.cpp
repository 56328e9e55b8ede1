#include "stream_connector.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace coserve_bench {

using coserve::system_error;
using namespace std::chrono_literals;

namespace {

constexpr coserve::duration pause_for_room = 1ms;  // in the server's queue, over a Unix socket

const coserve::error_code timeout = make_error_code(coserve::errc::timeout);

}  // namespace

stream_connector::stream_connector(
    std::shared_ptr<const stream_target> target,
    socket_set& sockets,
    coserve::duration limit,
    observer& told
)
    : target_(std::move(target)), sockets_(sockets), limit_(limit), observer_(told) {}

void stream_connector::connect_at(clock::time_point t, place& p) {
    planned_.push({t, &p});
}

clock::time_point stream_connector::next_time() const noexcept {
    clock::time_point next = clock::time_point::max();
    for (const place* p : under_way_)
        next = std::min(next, p->began_ + limit_);
    if (!planned_.empty() && under_way_.size() < connects_at_once)
        next = std::min(next, std::max(planned_.top().time, full_until_));
    return next;
}

void stream_connector::look(clock::time_point now) {
    const auto is_late = [&](const place* p) { return late(*p, now); };
    for (auto at = std::ranges::find_if(under_way_, is_late); at != under_way_.end();
         at = std::ranges::find_if(under_way_, is_late))
        fail(**at, system_error(timeout), now);
    while (!planned_.empty() && std::max(planned_.top().time, full_until_) <= now &&
           under_way_.size() < connects_at_once) {
        place& p = *planned_.top().at;
        planned_.pop();
        begin(p, now);
    }
}

bool stream_connector::late(const place& p, clock::time_point now) const noexcept {
    return now - p.began_ >= limit_;
}

void stream_connector::begin(place& p, clock::time_point now) {
    if (p.began_ == clock::time_point::max()) {
        p.began_ = now;
        p.untried_ = target_->addresses.size() - 1;
    }
    p.connecting_ = true;
    under_way_.push_back(&p);
    open(p, now);
}

void stream_connector::open(place& p, clock::time_point now) {
    try {
        p.socket.open(target_->addresses[p.address_]);
        sockets_.add(p.socket.descriptor(), EPOLLOUT, &p);
    } catch (const system_error& e) {
        fail(p, e, now);
    }
}

void stream_connector::on_ready(place& p) {
    try {
        p.socket.check_connected();
        p.socket.begin(target_->codecs);
        sockets_.remove(p.socket.descriptor());
    } catch (const system_error& e) {
        return fail(p, e, clock::now());
    }
    leave(p);
    p.began_ = clock::time_point::max();
    observer_.on_connected(p);
}

void stream_connector::fail(place& p, const system_error& e, clock::time_point now) {
    p.socket.close();
    const bool over = late(p, now);
    if (e.code() == boost::asio::error::would_block && !over) {
        leave(p);
        full_until_ = now + pause_for_room;
        return connect_at(now, p);
    }
    p.address_ = (p.address_ + 1) % target_->addresses.size();
    if (p.untried_ != 0 && !over) {
        --p.untried_;
        return open(p, now);
    }
    leave(p);
    p.began_ = clock::time_point::max();
    observer_.on_connect_failed(p, over ? system_error(timeout) : e);
}

void stream_connector::leave(place& p) {
    p.connecting_ = false;
    std::erase(under_way_, &p);
}

}  // namespace coserve_bench
