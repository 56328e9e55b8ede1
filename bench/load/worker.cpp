#include "worker.hpp"

#include "error_kind.hpp"

#include <coserve/connect.hpp>
#include <coserve/error.hpp>
#include <coserve/sleep.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>

#include <algorithm>
#include <exception>
#include <optional>
#include <string>
#include <utility>

namespace coserve_bench {

using coserve::frame_stream;
using coserve::system_error;
using coserve::task;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t connects_at_once = 64;
constexpr std::size_t most_queued = std::size_t{64} << 10;  // more would only wait on our side
constexpr coserve::duration pause_before_the_last = 1s;

}  // namespace

worker::worker(const plan& p, const schedule& s, std::size_t index)
    : plan_(p),
      schedule_(s),
      index_(index),
      first_(p.connections * index / p.threads),
      wanted_(share(p.connections, index, p.threads)),
      requests_left_(share(p.requests.value_or(0), index, p.threads)),
      payload_(p.size, p.verify) {}

void worker::run(task<> work) {
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

void worker::connect() {
    run(connect_all());
}

task<> worker::connect_all() {
    for (std::size_t i = 0; i < std::min(connects_at_once, wanted_); ++i)
        tasks_.spawn(&worker::connect_some, this);
    co_await tasks_.join();
}

task<> worker::connect_some() {
    while (next_ < wanted_) {
        const std::size_t number = first_ + next_++;
        co_await connect_one(number);
    }
}

task<> worker::connect_one(std::size_t number) {
    try {
        coserve::frame_stream stream = co_await coserve::connect(plan_.url, plan_.timeout);
        connections_.emplace_back(std::move(stream), number, plan_.depth);
        ++outcome_.connected;
    } catch (const system_error& e) {
        outcome_.add_error(kind_of(e.code()), coserve::reason_of(e));
    }
}

void worker::load() {
    run(load_all());
}

task<> worker::load_all() {
    open_ = connections_.size();
    for (std::size_t i = 0; plan_.rate != 0 && i < plan_.depth; ++i)
        for (connection& c : connections_)
            free_.push_back(&c);
    for (connection& c : connections_)
        tasks_.spawn(&worker::exchange, this, &c);
    if (open_ != 0) {
        tasks_.spawn(&worker::watch, this);
        if (plan_.rate != 0)
            tasks_.spawn(&worker::pace, this);
    }
    co_await tasks_.join();
}

task<> worker::exchange(connection* c) {
    try {
        c->arrived = c->last_reply = clock::now();
        if (plan_.rate == 0)
            co_await keep_busy(*c);
        else
            co_await take_replies(*c);
    } catch (const system_error& e) {
        if (c->timed_out)
            fail(*c, "timeout", "no reply came in time");
        else if (e.code() == boost::asio::error::operation_aborted)
            co_return;  // all is done
        else
            fail(*c, std::string(name_of(kind_of(e.code()))), coserve::reason_of(e));
    }
    --open_;
    std::erase(free_, c);
    stop_when_done();
}

task<> worker::keep_busy(connection& c) {
    while (c.under_way() + c.owed < plan_.depth && may_send(c.last_reply))
        ++c.owed;
    send_owed(c, c.last_reply);
    while (c.under_way() != 0) {
        auto read = next_reply(c);
        const bool here = read.ready();
        const auto reply = here ? read.take() : co_await read;
        if (!here)
            c.arrived = clock::now();
        if (!accept(c, reply))
            co_return;
        if (may_send(c.arrived))
            ++c.owed;
        send_owed(c, c.arrived);
    }
}

task<> worker::take_replies(connection& c) {
    for (;;) {
        auto read = next_reply(c);
        const bool here = read.ready();
        const auto reply = here ? read.take() : co_await read;
        if (!here)
            c.arrived = clock::now();
        if (!accept(c, reply))
            co_return;
        free_.push_back(&c);
        send_due(c.arrived);
        stop_when_done();
    }
}

frame_stream::read_operation worker::next_reply(connection& c) {
    return plan_.raw ? c.stream.read_exactly(plan_.size) : c.stream.read_frame();
}

/// False: it was none, and the connection has failed.
bool worker::accept(connection& c, const std::optional<coserve::frame>& reply) {
    if (!reply) {
        fail(c, "closed", "the server ended the connection");
        return false;
    }
    if (c.under_way() == 0 || !payload_.is_reply(reply->text(), c.number, c.received)) {
        fail(
            c,
            "wrong_reply",
            "a reply of " + std::to_string(reply->size()) + " bytes is not that to its request"
        );
        c.stream.abort();
        return false;
    }
    count(c);
    return true;
}

/// Gives each request its time: those of all threads take turns.
task<> worker::pace() {
    const auto threads = static_cast<double>(plan_.threads);
    for (auto n = static_cast<double>(index_);; n += threads) {
        const auto at = std::chrono::duration<double>(n / plan_.rate);
        const auto due = schedule_.start + std::chrono::duration_cast<clock::duration>(at);
        clock::time_point now = clock::now();
        for (; now < due; now = clock::now())
            co_await coserve::sleep(due - now);
        if (!may_send(due))
            break;
        due_.push_back(due);
        send_due(now);
    }
    paced_ = true;
    stop_when_done();
}

void worker::send_due(clock::time_point now) {
    while (!due_.empty() && !free_.empty()) {
        send(*free_.front(), due_.front(), now);
        free_.pop_front();
        due_.pop_front();
    }
}

/// In an open loop the connections go on reading, and the watch goes on in any.
void worker::stop_when_done() {
    const bool answered = paced_ && due_.empty() && free_.size() == open_ * plan_.depth;
    if (open_ == 0 || answered)
        tasks_.cancel();
}

bool worker::may_send(clock::time_point now) noexcept {
    if (now >= schedule_.end.load(std::memory_order_relaxed))
        return false;
    if (!plan_.requests || !counts(now))
        return true;
    if (requests_left_ == 0)
        return false;
    --requests_left_;
    return true;
}

bool worker::counts(clock::time_point t) const noexcept {
    return t >= schedule_.begin.load(std::memory_order_relaxed);
}

/// What is not awaited could be queued without end: so no more than is of use.
void worker::send_owed(connection& c, clock::time_point now) {
    for (; c.owed != 0 && (c.under_way() == 0 || c.stream.queued() < most_queued); --c.owed)
        send(c, now, now);
}

void worker::send(connection& c, clock::time_point intended, clock::time_point now) {
    c.requests[c.sent % plan_.depth] = {intended, now};
    if (c.under_way() == 0)
        c.last_reply = now;  // from when on it may be late
    [[maybe_unused]] const auto queued = c.stream.write_frame(payload_.request(c.number, c.sent));
    ++c.sent;
}

void worker::count(connection& c) {
    const clock::time_point now = c.arrived;
    const request& done = c.requests[c.received % plan_.depth];
    ++c.received;
    c.last_reply = now;
    count_one(now);
    if (!counts(now))
        return;
    ++outcome_.served;
    if (now < schedule_.end.load(std::memory_order_relaxed))
        ++outcome_.in_time;
    if (!counts(done.intended))
        return;
    ++outcome_.completed;
    outcome_.service.add(now - done.sent);
    if (plan_.rate != 0)
        outcome_.intended.add(now - done.intended);
}

void worker::fail(connection& c, const std::string& kind, const std::string& sentence) {
    outcome_.failed += c.under_way();
    outcome_.add_error(kind, sentence);
}

/// A server that no longer answers would keep the run for ever.
task<> worker::watch() {
    for (;;) {
        co_await coserve::sleep(100ms);
        const clock::time_point now = clock::now(), end = schedule_.end.load();
        const bool over = now > end && now - std::max(end, last_reply_) > pause_before_the_last;
        for (connection& c : connections_) {
            if (c.under_way() == 0 || c.timed_out || (!over && now - c.last_reply < plan_.timeout))
                continue;
            c.timed_out = true;
            c.stream.abort();
        }
    }
}

}  // namespace coserve_bench
