#include "stream_worker.hpp"

#include <coserve/connect.hpp>
#include <coserve/error.hpp>
#include <coserve/sleep.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <bit>
#include <utility>

namespace coserve_bench {

using coserve::frame_stream;
using coserve::system_error;
using coserve::task;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t most_queued = std::size_t{64} << 10;  // more would only wait on our side
constexpr coserve::duration watch_interval = 100ms;
constexpr coserve::duration pause_between_tries = 100ms;

}  // namespace

stream_worker::connection::connection(std::size_t n, std::size_t depth)
    : number(n), requests(std::bit_ceil(depth)) {}

stream_worker::stream_worker(const plan& p, const schedule& s, std::size_t index)
    : loop_worker(p, s, index), payload_(p.sizes.most(), p.verify) {
    for (std::size_t i = 0; i < wanted_; ++i)
        connections_.emplace_back(first_ + i, p.depth);
}

void stream_worker::connect() {
    if (plan_.ramp == coserve::duration::zero())
        run(connect_all());
}

task<> stream_worker::connect_one(std::size_t index) {
    try {
        frame_stream stream = co_await coserve::connect(plan_.url, plan_.timeout);
        connections_[index].stream.emplace(std::move(stream));
        record_.connected();
    } catch (const system_error& e) {
        if (e.code() == boost::asio::error::operation_aborted)
            throw;  // all is over
        record_.connection_failed(kind_of(e.code()), coserve::reason_of(e));
    }
}

void stream_worker::load() {
    run(load_all());
}

task<> stream_worker::load_all() {
    unfinished_ = connections_.size();
    for (std::size_t i = 0; i < connections_.size(); ++i)
        tasks_.spawn(&stream_worker::serve, this, &connections_[i], i);
    if (unfinished_ != 0) {
        tasks_.spawn(&stream_worker::watch, this);
        if (open_loop())
            tasks_.spawn(&stream_worker::pace, this);
    }
    co_await tasks_.join();
    for (const clock::time_point due : orphans_)
        if (schedule_.counts(due))
            record_.unsent();
}

/// One connection and those that take its place.
task<> stream_worker::serve(connection* c, std::size_t index) {
    if (plan_.ramp != coserve::duration::zero()) {
        co_await sleep_until(ramped(index));
        co_await connect_one(index);
    }
    c->last_good = clock::now();
    for (;;) {
        if (c->stream)
            co_await talk(*c);
        if (c->stream || !may_try_again(*c))
            break;
        co_await coserve::sleep(pause_between_tries);
        co_await connect_one(index);
    }
    --unfinished_;
    stop_when_done();
}

/// Until it has nothing more to do, or is lost: then it has no stream.
task<> stream_worker::talk(connection& c) {
    c.doom.reset();
    if (open_loop())
        live_.push_back(&c);
    try {
        co_await exchange(c);
    } catch (const system_error& e) {
        if (c.doom)
            lose(c, *c.doom);
        else if (e.code() == boost::asio::error::operation_aborted)
            throw;  // all is over
        else
            lose(c, {kind_of(e.code()), coserve::reason_of(e)});
    }
    leave(c);
}

task<> stream_worker::exchange(connection& c) {
    c.arrived = clock::now();
    fill(c, c.arrived);
    while (open_loop() || c.under_way() != 0) {
        auto read = next_reply(c);
        const bool here = read.ready();
        const auto reply = here ? read.take() : co_await read;
        if (!here)
            c.arrived = clock::now();
        if (!accept(c, reply))
            co_return;
        fill(c, c.arrived);
        if (paced_)
            stop_when_done();
    }
}

frame_stream::read_operation stream_worker::next_reply(connection& c) {
    if (!plan_.raw)
        return c.stream->read_frame();
    // While nothing is under way all sizes are alike.
    return c.stream->read_exactly(c.under_way() ? c.at(c.received).size : plan_.sizes.most());
}

/// False: it was none, and the connection is lost.
bool stream_worker::accept(connection& c, const std::optional<coserve::frame>& reply) {
    if (!reply) {
        lose(c, {error_kind::closed, "the server ended the connection"});
        return false;
    }
    if (c.under_way() == 0 ||
        !payload_.is_reply(reply->text(), c.at(c.received).size, c.number, c.received)) {
        lose(
            c,
            {error_kind::wrong_reply,
             "a reply of " + std::to_string(reply->size()) + " bytes is not that to its request"}
        );
        return false;
    }
    count(c);
    return true;
}

void stream_worker::count(connection& c) {
    const request& done = c.at(c.received);
    ++c.received;
    if (open_loop())
        --under_way_;
    c.last_good = c.arrived;
    count_one(c.arrived);
    if (!schedule_.counts(c.arrived))
        return;
    record_.served(c.arrived);
    if (schedule_.counts(done.intended))
        record_.completed(done.intended, done.sent, c.arrived, done.size);
}

/// What is not awaited could be queued without end: so no more than is of use.
void stream_worker::fill(connection& c, clock::time_point now) {
    while (c.under_way() < plan_.depth && (c.under_way() == 0 || c.stream->queued() < most_queued)
    ) {
        const auto intended = next_request(c, now);
        if (!intended)
            return;
        send(c, *intended, now);
    }
}

/// The time of the next request that it may send.
std::optional<clock::time_point> stream_worker::next_request(connection& c, clock::time_point now) {
    if (!open_loop())
        return may_send(now) ? std::optional(now) : std::nullopt;
    auto& from = c.waiting.empty() ? orphans_ : c.waiting;
    if (from.empty() || schedule_.closed(now))
        return std::nullopt;
    const clock::time_point due = from.front();
    from.pop_front();
    --waiting_;
    return due;
}

void stream_worker::send(connection& c, clock::time_point intended, clock::time_point now) {
    const std::size_t size = plan_.sizes.draw(random_);
    const std::uint64_t number = c.sent++;
    c.at(number) = {intended, now, size};
    if (open_loop())
        ++under_way_;
    if (schedule_.counts(intended))
        record_.sent();
    [[maybe_unused]] const auto queued =
        c.stream->write_frame(payload_.request(size, c.number, number));
}

void stream_worker::on_due(clock::time_point due, clock::time_point now) {
    ++waiting_;
    if (live_.empty()) {
        orphans_.push_back(due);
        return;
    }
    connection& c = *live_[turn_++ % live_.size()];
    if (c.waiting.empty() && c.under_way() < plan_.depth && schedule_.counts(due))
        record_.slip(now - due);
    c.waiting.push_back(due);
    fill_other(c, now);
}

/// Whose coroutine is not the one that runs.
void stream_worker::fill_other(connection& c, clock::time_point now) {
    try {
        fill(c, now);
    } catch (const system_error& e) {
        doom(c, kind_of(e.code()), coserve::reason_of(e));
    }
}

/// Others take over what waits for it.
void stream_worker::leave(connection& c) {
    std::erase(live_, &c);
    orphans_.insert(orphans_.end(), c.waiting.begin(), c.waiting.end());
    c.waiting.clear();
    const clock::time_point now = clock::now();
    for (std::size_t i = 0; i < live_.size() && !orphans_.empty(); ++i)
        fill_other(*live_[i], now);
}

/// The connections of an open loop read on, and the watch goes on in any.
void stream_worker::stop_when_done() {
    if (unfinished_ == 0 || (paced_ && waiting_ + under_way_ == 0))
        tasks_.cancel();
}

bool stream_worker::may_try_again(const connection& c) const noexcept {
    const clock::time_point now = clock::now();
    return !schedule_.over(now) && now - c.last_good < plan_.reconnect;
}

/// Its coroutine does the rest.
void stream_worker::doom(connection& c, error_kind kind, std::string sentence) {
    if (c.doom)
        return;
    c.doom = failure{kind, std::move(sentence)};
    c.stream->abort();
}

void stream_worker::lose(connection& c, const failure& why) {
    fail_requests(c, why.kind);
    record_.connection_failed(why.kind, why.sentence);
    c.stream->abort();
    c.stream.reset();
}

void stream_worker::fail_requests(connection& c, error_kind kind) {
    for (; c.under_way() != 0; ++c.received) {
        if (schedule_.counts(c.at(c.received).intended))
            record_.failed(kind);
        if (open_loop())
            --under_way_;
    }
}

/// A server that no longer answers would keep the run for ever.
task<> stream_worker::watch() {
    for (;;) {
        co_await coserve::sleep(watch_interval);
        const clock::time_point now = clock::now();
        for (connection& c : connections_)
            if (c.stream && c.under_way() != 0)
                look_after(c, now);
        if (schedule_.closed(now))
            end();
    }
}

void stream_worker::look_after(connection& c, clock::time_point now) {
    const clock::time_point sent = c.at(c.received).sent;
    if (now - sent >= plan_.timeout)
        doom(c, error_kind::timeout, "no reply came in time");
    else if (schedule_.given_up(sent, now))
        doom(c, error_kind::unanswered, "no reply within a second of the end");
}

/// What waits now is never sent; what is under way has its time.
void stream_worker::end() {
    for (connection& c : connections_)
        leave(c);
    waiting_ = 0;
    const auto is_busy = [](const connection& c) { return c.stream && c.under_way() != 0; };
    if (std::ranges::none_of(connections_, is_busy))
        tasks_.cancel();
}

}  // namespace coserve_bench
