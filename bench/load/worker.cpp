#include "worker.hpp"

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

using coserve::system_error;
using coserve::task;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t connects_at_once = 64;
constexpr std::size_t most_queued = std::size_t{64} << 10;  // more would only wait on our side
constexpr coserve::duration pause_before_the_last = 1s;

/// Of an error, as a JSON key.
std::string kind_of(const coserve::error_code& code) {
    namespace errc = boost::system::errc;
    if (code == errc::connection_refused)
        return "refused";
    if (code == errc::connection_reset || code == errc::broken_pipe ||
        code == errc::connection_aborted)
        return "reset";
    if (code == errc::timed_out || code == coserve::errc::timeout ||
        code == coserve::errc::write_timeout || code == coserve::errc::frame_timeout)
        return "timeout";
    if (code == coserve::errc::truncated_frame)
        return "closed";
    if (code.category() == coserve::error_category())
        return "malformed";
    return "other";
}

}  // namespace

worker::worker(
    const plan& p,
    const schedule& s,
    std::size_t first,
    std::size_t connections,
    std::uint64_t requests
)
    : plan_(p),
      schedule_(s),
      first_(first),
      wanted_(connections),
      requests_left_(requests),
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
    for (connection& c : connections_)
        tasks_.spawn(&worker::exchange, this, &c);
    if (open_ != 0)
        tasks_.spawn(&worker::watch, this);
    co_await tasks_.join();
}

task<> worker::exchange(connection* c) {
    try {
        co_await receive(*c);
    } catch (const system_error& e) {
        if (c->timed_out)
            fail(*c, "timeout", "no reply came in time");
        else
            fail(*c, kind_of(e.code()), coserve::reason_of(e));
    }
    if (--open_ == 0)
        tasks_.cancel();  // the watch
}

task<> worker::receive(connection& c) {
    const clock::time_point start = clock::now();
    c.last_reply = start;
    while (c.under_way() + c.owed < plan_.depth && may_send(start))
        ++c.owed;
    send(c, start);
    while (c.under_way() != 0) {
        auto read = plan_.raw ? c.stream.read_exactly(plan_.size) : c.stream.read_frame();
        const auto reply = co_await read;
        if (!reply) {
            fail(c, "closed", "the server ended the connection");
            co_return;
        }
        if (!payload_.is_reply(reply->text(), c.number, c.received)) {
            fail(
                c,
                "wrong_reply",
                "a reply of " + std::to_string(reply->size()) + " bytes is not that to its request"
            );
            c.stream.abort();
            co_return;
        }
        const clock::time_point now = clock::now();
        count(c, now);
        if (may_send(now))
            ++c.owed;
        send(c, now);
    }
}

bool worker::may_send(clock::time_point now) noexcept {
    if (now >= schedule_.end.load(std::memory_order_relaxed))
        return false;
    if (!plan_.requests || !counts(now))
        return true;
    return requests_left_ != 0 && requests_left_-- != 0;
}

bool worker::counts(clock::time_point t) const noexcept {
    return t >= schedule_.begin.load(std::memory_order_relaxed);
}

/// What is not awaited could be queued without end: so no more than is of use.
void worker::send(connection& c, clock::time_point now) {
    for (; c.owed != 0 && (c.under_way() == 0 || c.stream.queued() < most_queued); --c.owed) {
        c.sent_at[c.sent % plan_.depth] = now;
        [[maybe_unused]] const auto queued =
            c.stream.write_frame(payload_.request(c.number, c.sent));
        ++c.sent;
    }
}

void worker::count(connection& c, clock::time_point now) {
    const clock::time_point sent = c.sent_at[c.received % plan_.depth];
    ++c.received;
    c.last_reply = last_reply_ = now;
    completed_.store(completed_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (!counts(now))
        return;
    ++outcome_.served;
    if (now < schedule_.end.load(std::memory_order_relaxed))
        ++outcome_.in_time;
    if (!counts(sent))
        return;
    ++outcome_.completed;
    outcome_.latency.add(now - sent);
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
