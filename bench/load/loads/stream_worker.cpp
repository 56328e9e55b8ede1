#include "stream_worker.hpp"

#include "encode.hpp"

#include <coserve/error.hpp>

#include <algorithm>
#include <utility>

namespace coserve_bench {

using coserve::frame_view;
using coserve::system_error;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t most_queued = std::size_t{64} << 10;  // more would only wait on our side
constexpr int most_due_at_once = 512;
constexpr coserve::duration watch_interval = 100ms;
constexpr coserve::duration pause_between_tries = 100ms;

}  // namespace

stream_worker::connection::connection(std::size_t n, std::size_t depth, transfer_room& room)
    : place(room), number(n), requests(depth) {}

stream_worker::failure stream_worker::wrong_reply(std::size_t size) {
    return {
        error_kind::wrong_reply,
        "a reply of " + std::to_string(size) + " bytes is not that to its request"
    };
}

stream_worker::stream_worker(
    const plan& p, const schedule& s, std::size_t index, std::shared_ptr<const stream_target> target
)
    : load_worker(p, s, index),
      connector_(std::move(target), sockets_, p.timeout, *this),
      payload_(p.sizes.most(), p.verify),
      times_(p.rate, p.ramp, index, p.threads) {
    for (std::size_t i = 0; i < wanted_; ++i)
        connections_.emplace_back(first_ + i, p.depth, room_);
    if (p.sizes.fixed() && payload_.alike())
        encode_alike(*connector_.target().codecs.write());
}

/// No built-in framing writes the same payload in two ways.
void stream_worker::encode_alike(coserve::codec& encoder) {
    const std::string_view bytes = payload_.request(plan_.sizes.most(), 0, 0);
    encode(encoder, bytes, alike_);
    alike_size_ = alike_.size();
    while (alike_.size() < most_queued)
        encode(encoder, bytes, alike_);
}

void stream_worker::connect() {
    if (ramps())
        return;
    const clock::time_point since = clock::now();
    for (std::size_t i = 0; i < wanted_; ++i)
        connector_.connect_at(paced_since(since, i), connections_[i]);
    while (!done())
        turn();
}

void stream_worker::on_connected(stream_connector::place& p) {
    record_.connected();
    if (loading_)
        begin(static_cast<connection&>(p));
}

void stream_worker::on_connect_failed(stream_connector::place& p, const system_error& e) {
    const system_error named(e.code(), plan_.name);
    record_.connection_failed(kind_of(e.code()), coserve::reason_of(named));
    if (loading_)
        try_again(static_cast<connection&>(p));
}

void stream_worker::try_again(connection& c) {
    const clock::time_point now = clock::now();
    if (!schedule_.over(now) && now - c.last_good < plan_.reconnect)
        return connector_.connect_at(now + pause_between_tries, c);
    --unfinished_;
}

void stream_worker::load() {
    loading_ = true;
    unfinished_ = wanted_;
    const clock::time_point now = clock::now();
    next_watch_ = now + watch_interval;
    if (open_loop())
        next_due_ = schedule_.start + times_.next();
    for (std::size_t i = 0; i < wanted_; ++i) {
        connection& c = connections_[i];
        c.last_good = ramps() ? ramped(i) : now;
        if (ramps())
            connector_.connect_at(c.last_good, c);
        else if (c.socket.is_open())
            begin(c);
        else
            try_again(c);
    }
    while (!done())
        turn();
    due_.give_up(schedule_, record_);
}

/// The connections of an open loop read on, and are tried again, until that is of no use.
bool stream_worker::done() const noexcept {
    if (!loading_)
        return connector_.idle();
    return unfinished_ == 0 || given_up_ || (paced_ && due_.count() + under_way_ == 0);
}

/// What has its time, and then what the sockets have.
void stream_worker::turn() {
    const clock::time_point now = clock::now();
    connector_.look(now);
    clock::time_point next = connector_.next_time();
    if (loading_) {
        if (now >= next_watch_)
            watch(now);
        if (open_loop() && !paced_ && (now >= next_due_ || schedule_.over(now)))
            pace();
        while (handing_over_)
            hand_over();
        next = std::min({next, next_watch_, next_due_});
    }
    if (done())
        return;
    const coserve::duration left = std::max<coserve::duration>(next - clock::now(), {});
    sockets_.wait(left, [this](void* owner, std::uint32_t events) {
        on_ready(*static_cast<connection*>(static_cast<stream_connector::place*>(owner)), events);
    });
}

void stream_worker::on_ready(connection& c, std::uint32_t events) {
    if (c.connecting())
        return connector_.on_ready(c);
    if (!c.socket.is_open() || c.finished)
        return;  // since it was told
    guard(c, [&] {
        const bool readable = (events & ~std::uint32_t{EPOLLOUT}) != 0;
        fill(c, readable ? take_replies(c) : clock::now());
    });
}

/// What the connection is lost by ends here.
template <class Action>
void stream_worker::guard(connection& c, Action act) {
    try {
        act();
    } catch (const failure& f) {
        lose(c, f);
    } catch (const system_error& e) {
        lose(c, {kind_of(e.code()), coserve::reason_of(e)});
    }
}

void stream_worker::begin(connection& c) {
    c.blocked = false;
    sockets_.add(c.socket.descriptor(), EPOLLIN, static_cast<stream_connector::place*>(&c));
    if (open_loop())
        due_.join(c);
    guard(c, [&] { fill(c, take_replies(c)); });  // it may have ended by now
}

/// As far as they have come; when that was.
clock::time_point stream_worker::take_replies(connection& c) {
    if (!c.requests.empty())
        __builtin_prefetch(&c.requests.oldest());  // the kernel takes longer than it to come
    const auto came = c.socket.receive();
    const clock::time_point arrived = clock::now();
    if (came == framed_socket::arrival::none)
        return arrived;
    if (came == framed_socket::arrival::end)
        throw failure(error_kind::closed, "the server ended the connection");
    while (!c.requests.empty() && take_flight(c, arrived))
        ;
    if (c.requests.empty())
        if (const auto unasked = next_reply(c, 1))
            throw wrong_reply(unasked->size());
    c.socket.keep_rest();
    return arrived;
}

/// The replies to requests that were sent together. False: not all of them have come.
bool stream_worker::take_flight(connection& c, clock::time_point arrived) {
    const auto [intended, sent, size, due] = c.requests.oldest();
    std::uint64_t count = 0;
    while (count != due) {
        const auto reply = next_reply(c, size);
        if (!reply)
            break;
        if (!payload_.is_reply(reply->text(), size, c.number, c.requests.first() + count)) {
            settle(c, arrived, count);
            throw wrong_reply(reply->size());
        }
        ++count;
    }
    settle(c, arrived, count);
    return count == due;
}

std::optional<frame_view> stream_worker::next_reply(connection& c, std::size_t size) {
    return plan_.raw ? c.socket.next_bytes(size) : c.socket.next_frame();
}

/// So many replies to the oldest requests were right.
void stream_worker::settle(connection& c, clock::time_point arrived, std::uint64_t count) {
    if (count == 0)
        return;
    c.last_good = arrived;
    count_replies(arrived, count);
    if (schedule_.counts(arrived)) {
        const auto& [intended, sent, size, due] = c.requests.oldest();
        record_.served(arrived, count);
        if (schedule_.counts(intended))
            record_.completed(intended, sent, arrived, size, count);
    }
    c.requests.take(count);
    under_way_ -= count;
}

/// A closed loop's connection that has nothing under way then is finished.
void stream_worker::fill(connection& c, clock::time_point now) {
    bool more = false;
    do
        more = queue_some(c, now);
    while (send(c) && more);
    if (!open_loop() && c.requests.empty())
        finish(c);
}

/// False: that is all for now. What is not awaited could be queued without end.
bool stream_worker::queue_some(connection& c, clock::time_point now) {
    while (c.requests.count() < plan_.depth) {
        if (!c.requests.empty() && c.socket.queued() >= most_queued)
            return true;
        const batch next = open_loop() ? next_due(c, now) : next_of_closed_loop(c, now);
        if (next.count == 0)
            return false;
        queue(c, next, now);
    }
    return false;
}

stream_worker::batch
stream_worker::next_of_closed_loop(const connection& c, clock::time_point now) {
    const std::uint64_t room = plan_.depth - c.requests.count();
    return {now, take(now, alike_.empty() ? 1 : std::min(room, alike_.size() / alike_size_))};
}

stream_worker::batch stream_worker::next_due(connection& c, clock::time_point now) {
    const auto due = schedule_.closed(now) ? std::nullopt : due_.take(c);
    return due ? batch{*due, 1} : batch{};
}

/// Several only where they are alike.
void stream_worker::queue(connection& c, const batch& next, clock::time_point now) {
    const std::size_t size = plan_.sizes.draw(random_);
    if (alike_.empty())
        c.socket.queue(payload_.request(size, c.number, c.requests.next()));
    else
        c.socket.queue_alike(alike_, alike_size_ * next.count);
    c.requests.add({next.intended, now, size, next.count});
    under_way_ += next.count;
    if (schedule_.counts(next.intended))
        record_.sent(next.count);
}

/// False: the kernel takes no more at present.
bool stream_worker::send(connection& c) {
    const bool all = c.socket.send();
    if (c.blocked == all) {
        c.blocked = !all;
        const std::uint32_t events = all ? EPOLLIN : EPOLLIN | EPOLLOUT;
        sockets_.change(c.socket.descriptor(), events, static_cast<stream_connector::place*>(&c));
    }
    return all;
}

/// What the server does with it now is of no interest.
void stream_worker::finish(connection& c) {
    c.finished = true;
    sockets_.remove(c.socket.descriptor());
    --unfinished_;
}

void stream_worker::lose(connection& c, const failure& why) {
    fail_requests(c, why.kind);
    record_.connection_failed(why.kind, why.what());
    c.socket.close();
    due_.leave(c);
    handing_over_ = due_.orphaned();
    try_again(c);
}

void stream_worker::fail_requests(connection& c, error_kind kind) {
    for (const auto& flight : c.requests)
        if (schedule_.counts(flight.intended))
            record_.failed(kind, flight.count);
    under_way_ -= c.requests.count();
    c.requests.clear();
}

/// To the others, what waited for one that is gone.
void stream_worker::hand_over() {
    handing_over_ = false;
    const clock::time_point now = clock::now();
    for (connection* const c : std::vector(due_.live()))
        if (c->socket.is_open())
            guard(*c, [&] { fill(*c, now); });
}

/// Gives each request its time. Not too many in one go: replies come meanwhile.
void stream_worker::pace() {
    clock::time_point now = clock::now();
    for (int i = 0; i < most_due_at_once && (now >= next_due_ || schedule_.over(now)); ++i) {
        if (!may_send(next_due_)) {
            paced_ = true;
            next_due_ = clock::time_point::max();
            return;
        }
        on_due(std::exchange(next_due_, schedule_.start + times_.next()), now);
        now = clock::now();
    }
}

void stream_worker::on_due(clock::time_point due, clock::time_point now) {
    connection* const c = due_.add(due);
    if (!c)
        return;
    if (c->waiting.size() == 1 && c->requests.count() < plan_.depth && schedule_.counts(due))
        record_.slip(now - due);
    guard(*c, [&] { fill(*c, now); });
}

/// A server that no longer answers would keep the run for ever.
void stream_worker::watch(clock::time_point now) {
    next_watch_ = now + watch_interval;
    for (connection& c : connections_)
        if (!c.requests.empty())
            look_after(c, now);
    if (!schedule_.closed(now))
        return;
    due_.give_up(schedule_, record_);
    given_up_ = under_way_ == 0;  // what is under way has its time
}

void stream_worker::look_after(connection& c, clock::time_point now) {
    const clock::time_point sent = c.requests.oldest().sent;
    if (now - sent >= plan_.timeout)
        lose(c, {error_kind::timeout, "no reply came in time"});
    else if (schedule_.given_up(sent, now))
        lose(c, {error_kind::unanswered, "no reply within a second of the end"});
}

}  // namespace coserve_bench
