#include "datagram_worker.hpp"

#include "error_kind.hpp"

#include <coserve/error.hpp>

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <exception>
#include <optional>
#include <string>
#include <utility>

namespace coserve_bench {

using coserve::system_error;
using coserve::task;
using namespace std::chrono_literals;

datagram_worker::datagram_worker(const plan& p, const schedule& s, std::size_t index)
    : plan_(p),
      schedule_(s),
      first_(p.connections * index / p.threads),
      wanted_(share(p.connections, index, p.threads)),
      requests_left_(share(p.requests.value_or(0), index, p.threads)),
      payload_(p.size, p.verify, payload::numbered) {}

void datagram_worker::run(task<> work) {
    std::exception_ptr error;
    boost::asio::co_spawn(context_, std::move(work), [&](std::exception_ptr e) {
        error = e;
        context_.stop();
    });
    context_.run();
    context_.restart();
    if (error)
        std::rethrow_exception(error);
}

void datagram_worker::connect() {
    run(connect_all());
}

task<> datagram_worker::connect_all() {
    for (std::size_t i = 0; i < wanted_; ++i) {
        try {
            auto socket = co_await coserve::connect_datagrams(plan_.url, plan_.timeout);
            connections_.emplace_back(std::move(socket), first_ + i, plan_.depth);
            ++outcome_.connected;
        } catch (const system_error& e) {
            outcome_.add_error(kind_of(e.code()), coserve::reason_of(e));
        }
    }
}

void datagram_worker::load() {
    run(load_all());
}

task<> datagram_worker::load_all() {
    for (connection& c : connections_)
        tasks_.spawn(&datagram_worker::exchange, this, &c);
    co_await tasks_.join();
}

namespace {

/// What is lost is noticed so much later at most.
constexpr coserve::duration longest_wait = 10ms;

}  // namespace

/// Ends when nothing more may be sent, and all has been answered or is lost.
task<> datagram_worker::exchange(connection* c) {
    clock::time_point now = clock::now();
    for (std::size_t i = 0; i < c->places.size(); ++i)
        c->places[i].number = i;
    fill(*c, now);
    try {
        while (c->busy != 0) {
            while (const auto reply = c->socket.try_receive())
                take(*c, *reply, clock::now());
            if (c->busy == 0)
                break;
            const auto reply = co_await c->socket.receive(longest_wait);
            now = clock::now();
            if (reply)
                take(*c, *reply, now);
            if (lose_overdue(*c, now))
                fill(*c, now);
        }
    } catch (const system_error& e) {
        outcome_.failed += c->busy;
        outcome_.add_error(kind_of(e.code()), coserve::reason_of(e));
    }
}

void datagram_worker::fill(connection& c, clock::time_point now) {
    for (place& p : c.places) {
        if (c.busy == c.places.size())
            return;
        if (!p.busy) {
            if (!may_send(now))
                return;
            send(c, p, now);
        }
    }
}

void datagram_worker::send(connection& c, place& p, clock::time_point now) {
    p.busy = true;
    p.sent = now;
    p.counts = now >= schedule_.begin.load(std::memory_order_relaxed);
    ++c.busy;
    c.socket.send(payload_.request(c.number, p.number));
}

void datagram_worker::take(connection& c, const coserve::datagram& d, clock::time_point now) {
    const std::string_view reply = d.data.text();
    place* const p = asked(c, reply);
    if (!p) {
        ++outcome_.late;
        return;
    }
    if (!payload_.is_reply(reply, c.number, p->number)) {
        ++outcome_.wrong;
        return;
    }
    count(*p, now);
    --c.busy;
    p->busy = false;
    p->number += plan_.depth;
    if (may_send(now))
        send(c, *p, now);
}

/// Null: of no request that is under way. A reply too short to tell belongs to the first that is.
datagram_worker::place* datagram_worker::asked(connection& c, std::string_view reply) {
    const std::optional<std::uint64_t> number = payload_.number_of(reply);
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
    count_one(now);
    if (now < schedule_.begin.load(std::memory_order_relaxed))
        return;
    ++outcome_.served;
    if (now < schedule_.end.load(std::memory_order_relaxed))
        ++outcome_.in_time;
    if (!p.counts)
        return;
    ++outcome_.completed;
    outcome_.service.add(now - p.sent);
}

/// True: there were some.
bool datagram_worker::lose_overdue(connection& c, clock::time_point now) {
    const std::size_t before = c.busy;
    for (place& p : c.places) {
        if (!p.busy || now - p.sent < plan_.timeout)
            continue;
        p.busy = false;
        p.number += plan_.depth;
        --c.busy;
        if (p.counts)
            ++outcome_.lost;
    }
    return c.busy != before;
}

bool datagram_worker::may_send(clock::time_point now) noexcept {
    if (now >= schedule_.end.load(std::memory_order_relaxed))
        return false;
    if (!plan_.requests || now < schedule_.begin.load(std::memory_order_relaxed))
        return true;
    if (requests_left_ == 0)
        return false;
    --requests_left_;
    return true;
}

}  // namespace coserve_bench
