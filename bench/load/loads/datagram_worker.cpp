#include "datagram_worker.hpp"

#include <coserve/error.hpp>
#include <coserve/sleep.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <utility>

namespace coserve_bench {

using coserve::system_error;
using coserve::task;
using namespace std::chrono_literals;

namespace {

constexpr coserve::duration pause_between_tries = 100ms;

}  // namespace

datagram_worker::connection::connection(std::size_t n, std::size_t depth)
    : number(n), places(depth) {
    for (std::size_t i = 0; i < depth; ++i) {
        places[i].number = i;
        free.push_back(&places[i]);
    }
}

datagram_worker::datagram_worker(const plan& p, const schedule& s, std::size_t index)
    : loop_worker(p, s, index),
      longest_wait_(std::clamp<coserve::duration>(p.timeout / 10, 1ms, 50ms)),
      payload_(p.sizes.most(), p.verify, payload::numbered) {
    for (std::size_t i = 0; i < wanted_; ++i)
        connections_.emplace_back(first_ + i, p.depth);
}

void datagram_worker::connect() {
    run(connect_all());
}

task<> datagram_worker::connect_one(std::size_t index) {
    try {
        auto socket = co_await coserve::connect_datagrams(plan_.url, plan_.timeout);
        connections_[index].socket.emplace(std::move(socket));
        record_.connected();
    } catch (const system_error& e) {
        record_.connection_failed(kind_of(e.code()), coserve::reason_of(e));
    }
}

void datagram_worker::load() {
    run(load_all());
}

task<> datagram_worker::load_all() {
    unfinished_ = connections_.size();
    for (std::size_t i = 0; i < connections_.size(); ++i)
        tasks_.spawn(&datagram_worker::serve, this, &connections_[i], i);
    if (unfinished_ != 0 && open_loop())
        tasks_.spawn(&datagram_worker::pace, this);
    co_await tasks_.join();
    due_.give_up(schedule_, record_);
}

/// What the network says to one request ends its socket, unless it is to be tried again.
task<> datagram_worker::serve(connection* c, std::size_t index) {
    if (ramps())
        co_await sleep_until(ramped(index));
    c->last_good = clock::now();
    if (open_loop() && c->socket)
        due_.join(*c);
    for (bool again = c->socket.has_value(); again;) {
        again = false;
        try {
            co_await exchange(*c);
        } catch (const system_error& e) {
            if (e.code() == boost::asio::error::operation_aborted)
                throw;  // all is over
            fail_requests(*c, kind_of(e.code()));
            record_.connection_failed(kind_of(e.code()), coserve::reason_of(e));
            again = may_try_again(*c);
        }
        if (again)
            co_await coserve::sleep(pause_between_tries);
    }
    due_.leave(*c);
    --unfinished_;
    stop_when_done();
}

/// Ends when nothing more may be sent, and all has been answered or is lost.
task<> datagram_worker::exchange(connection& c) {
    fill(c, clock::now());
    while (open_loop() || c.busy()) {
        while (const auto reply = c.socket->try_receive())
            take(c, *reply, clock::now());
        if (!open_loop() && !c.busy())
            break;
        const auto reply = co_await c.socket->receive(longest_wait_);
        const clock::time_point now = clock::now();
        if (reply)
            take(c, *reply, now);
        lose_overdue(c, now);
        fill(c, now);
        if (paced_)
            stop_when_done();
    }
}

void datagram_worker::fill(connection& c, clock::time_point now) {
    while (!c.free.empty()) {
        const auto intended = next_request(c, now);
        if (!intended)
            return;
        send(c, *intended, now);
    }
}

/// The time of the next request that it may send.
std::optional<clock::time_point>
datagram_worker::next_request(connection& c, clock::time_point now) {
    if (!open_loop())
        return may_send(now) ? std::optional(now) : std::nullopt;
    return schedule_.closed(now) ? std::nullopt : due_.take(c);
}

void datagram_worker::send(connection& c, clock::time_point intended, clock::time_point now) {
    place& p = *c.free.front();
    c.free.pop_front();
    p.busy = true;
    p.intended = intended;
    p.sent = now;
    p.size = plan_.sizes.draw(random_);
    ++under_way_;
    if (schedule_.counts(intended))
        record_.sent();
    c.socket->send(payload_.request(p.size, c.number, p.number));
}

void datagram_worker::take(connection& c, const coserve::datagram& d, clock::time_point now) {
    const std::string_view reply = d.data.text();
    place* const p = asked(c, reply);
    if (!p) {
        record_.late();
        return;
    }
    if (!payload_.is_reply(reply, p->size, c.number, p->number)) {
        record_.wrong();
        return;
    }
    c.last_good = now;
    count(*p, now);
    release(c, *p);
    fill(c, now);
}

/// Null: of no request that is under way. A reply too short to tell belongs to the first that is.
datagram_worker::place* datagram_worker::asked(connection& c, std::string_view reply) {
    const std::optional<std::uint64_t> number = payload::number_of(reply);
    if (number) {
        place& p = c.places[*number % plan_.depth];
        return p.busy && p.number == *number ? &p : nullptr;
    }
    for (std::size_t i = 0; i < c.places.size(); ++i) {
        place& p = c.places[c.oldest];
        c.oldest = (c.oldest + 1) % c.places.size();
        if (p.busy)
            return &p;
    }
    return nullptr;
}

void datagram_worker::count(place& p, clock::time_point now) {
    count_replies(now);
    if (!schedule_.counts(now))
        return;
    record_.served(now);
    if (schedule_.counts(p.intended))
        record_.completed(p.intended, p.sent, now, p.size);
}

void datagram_worker::release(connection& c, place& p) {
    p.busy = false;
    p.number += plan_.depth;
    c.free.push_back(&p);
    --under_way_;
}

void datagram_worker::lose_overdue(connection& c, clock::time_point now) {
    if (!c.busy() || now < c.next_look)
        return;
    c.next_look = now + longest_wait_;
    for (place& p : c.places) {
        const bool overdue = now - p.sent >= plan_.timeout || schedule_.given_up(p.sent, now);
        if (!p.busy || !overdue)
            continue;
        if (schedule_.counts(p.intended))
            record_.lost();
        release(c, p);
    }
}

void datagram_worker::fail_requests(connection& c, error_kind kind) {
    for (place& p : c.places) {
        if (!p.busy)
            continue;
        if (schedule_.counts(p.intended))
            record_.failed(kind);
        release(c, p);
    }
}

void datagram_worker::on_due(clock::time_point due, clock::time_point now) {
    connection* const c = due_.add(due);
    if (!c)
        return;
    if (c->waiting.size() == 1 && !c->free.empty() && schedule_.counts(due))
        record_.slip(now - due);
    fill(*c, now);
}

/// The sockets of an open loop receive on. What waits a second after the end is never sent.
void datagram_worker::stop_when_done() {
    if (!open_loop())
        return;
    const bool nothing_waits = due_.count() == 0 || schedule_.closed(clock::now());
    if (unfinished_ == 0 || (paced_ && under_way_ == 0 && nothing_waits))
        tasks_.cancel();
}

bool datagram_worker::may_try_again(const connection& c) const noexcept {
    const clock::time_point now = clock::now();
    return !schedule_.over(now) && now - c.last_good < plan_.reconnect;
}

}  // namespace coserve_bench
