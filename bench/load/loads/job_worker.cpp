#include "job_worker.hpp"

#include <coserve/error.hpp>
#include <coserve/sleep.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace coserve_bench {

using coserve::system_error;
using coserve::task;
using namespace std::chrono_literals;

namespace {

constexpr coserve::duration watch_interval = 100ms;
constexpr coserve::duration pause_between_tries = 100ms;
constexpr std::uint64_t patience = 10;  // failures of one that never succeeded

}  // namespace

job_worker::lane::lane(coserve::executor e, std::unique_ptr<job> j)
    : work(std::move(j)), due(e, clock::time_point::max()) {}

job_worker::job_worker(const plan& p, const schedule& s, std::size_t index, const job_factory& make)
    : loop_worker(p, s, index) {
    const coserve::executor core = context_.get_executor();
    for (std::size_t i = 0; i < wanted_; ++i)
        lanes_.emplace_back(core, make(core, first_ + i));
}

void job_worker::connect() {
    if (!ramps())
        run(connect_all());
}

task<> job_worker::connect_one(std::size_t index) {
    lane& l = lanes_[index];
    try {
        co_await l.work->connect();
        l.connected = true;
        if (plan_.load != load_kind::connect)  // there each request is one
            record_.connected();
    } catch (const system_error& e) {
        if (e.code() == boost::asio::error::operation_aborted)
            throw;  // all is over
        record_.connection_failed(kind_of(e.code()), coserve::reason_of(e));
    }
}

void job_worker::load() {
    run(load_all());
}

task<> job_worker::load_all() {
    unfinished_ = lanes_.size();
    for (std::size_t i = 0; i < lanes_.size(); ++i)
        tasks_.spawn(&job_worker::serve, this, &lanes_[i], i);
    if (unfinished_ != 0) {
        tasks_.spawn(&job_worker::watch, this);
        if (open_loop())
            tasks_.spawn(&job_worker::pace, this);
    }
    co_await tasks_.join();
    due_.give_up(schedule_, record_);
}

task<> job_worker::serve(lane* l, std::size_t index) {
    if (ramps()) {
        co_await sleep_until(ramped(index));
        co_await connect_one(index);
    }
    l->last_good = clock::now();
    if (l->connected || plan_.reconnect != coserve::duration::zero()) {
        due_.join(*l);
        do {
            const auto intended = co_await next_request(*l);
            if (!intended)
                break;
            co_await attempt(*l, *intended);
        } while (goes_on(*l));
        leave(*l);
    }
    --unfinished_;
    stop_when_done();
}

/// Its time; nullopt: there is none any more.
task<std::optional<clock::time_point>> job_worker::next_request(lane& l) {
    if (!open_loop()) {
        const clock::time_point now = clock::now();
        co_return may_send(now) ? std::optional(now) : std::nullopt;
    }
    for (;;) {
        if (!schedule_.closed(clock::now()))
            if (const auto due = due_.take(l))
                co_return due;
        coserve::error_code ignored;
        co_await l.due.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }
}

/// One request. What is tried again has a pause before.
task<> job_worker::attempt(lane& l, clock::time_point intended) {
    begin(l, intended);
    std::uint64_t bytes = 0;
    const auto failed = co_await perform(l, bytes);
    l.busy = false;
    --under_way_;
    if (l.given_up)
        co_return;
    if (failed)
        count(l, *failed);
    else
        count(l, bytes);
    if (paced_)
        stop_when_done();
    if (failed && failed->lost && goes_on(l))
        co_await coserve::sleep(pause_between_tries);
}

void job_worker::begin(lane& l, clock::time_point intended) {
    l.busy = true;
    l.timed_out = false;
    l.intended = intended;
    l.sent = clock::now();
    ++under_way_;
    if (schedule_.counts(intended))
        record_.sent();
}

task<std::optional<job_worker::failure>> job_worker::perform(lane& l, std::uint64_t& bytes) {
    std::optional<failure> failed;
    try {
        bytes = co_await l.work->perform(plan_.sizes.draw(random_));
    } catch (const job_failure& e) {
        failed = failure{e.kind, e.what(), e.lost};
    } catch (const system_error& e) {
        if (!l.timed_out && e.code() == boost::asio::error::operation_aborted)
            throw;  // all is over
        failed = failure{kind_of(e.code()), coserve::reason_of(e), true};
    }
    if (failed && l.timed_out)
        failed = failure{error_kind::timeout, "no reply came in time", true};
    if (failed && failed->lost) {
        l.work->abort();
        l.work->disconnect();
    }
    co_return failed;
}

void job_worker::count(lane& l, std::uint64_t bytes) {
    const clock::time_point now = clock::now();
    l.succeeded = true;
    l.failed_in_a_row = 0;
    l.last_good = now;
    if (plan_.load == load_kind::connect)
        record_.connected();
    count_replies(now);
    if (!schedule_.counts(now))
        return;
    record_.served(now);
    if (schedule_.counts(l.intended))
        record_.completed(l.intended, open_loop() ? l.sent : l.intended, now, bytes);
}

void job_worker::count(lane& l, const failure& f) {
    ++l.failed_in_a_row;
    if (schedule_.counts(l.intended))
        record_.failed(f.kind);
    record_.error(f.kind, f.sentence);
    l.connected = !f.lost;
}

bool job_worker::goes_on(const lane& l) const noexcept {
    if (l.failed_in_a_row == 0)
        return true;
    if (!l.succeeded && l.failed_in_a_row >= patience &&
        plan_.reconnect == coserve::duration::zero())
        return false;
    return l.connected || clock::now() - l.last_good < plan_.reconnect;
}

void job_worker::on_due(clock::time_point due, clock::time_point now) {
    lane* const l = due_.add(due);
    if (!l)
        return;
    if (l->waiting.size() == 1 && !l->busy && schedule_.counts(due))
        record_.slip(now - due);
    l->due.cancel();
}

/// Others take over what waits for it.
void job_worker::leave(lane& l) {
    due_.leave(l);
    for (lane* other : due_.live())
        other->due.cancel();
}

void job_worker::stop_when_done() {
    if (unfinished_ == 0 || (paced_ && due_.count() + under_way_ == 0))
        tasks_.cancel();
}

/// A server that no longer answers would keep the run for ever.
task<> job_worker::watch() {
    for (;;) {
        co_await coserve::sleep(watch_interval);
        const clock::time_point now = clock::now();
        for (lane& l : lanes_)
            if (l.busy)
                look_after(l, now);
        if (schedule_.closed(now))
            end();
    }
}

void job_worker::look_after(lane& l, clock::time_point now) {
    if (!l.timed_out && now - l.sent >= plan_.timeout) {
        l.timed_out = true;
        l.work->abort();
    } else if (!l.given_up && schedule_.given_up(l.sent, now)) {
        l.given_up = true;
        if (!schedule_.counts(l.intended))
            return;
        record_.failed(error_kind::unanswered);
        record_.error(error_kind::unanswered, "no reply within a second of the end");
    }
}

/// What waits now is never sent; what is under way has its time.
void job_worker::end() {
    const auto is_busy = [](const lane& l) { return l.busy && !l.given_up; };
    if (std::ranges::none_of(lanes_, is_busy))
        tasks_.cancel();
}

}  // namespace coserve_bench
