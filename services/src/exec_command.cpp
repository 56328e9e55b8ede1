#include "exec_command.hpp"

#include "exec_plan.hpp"
#include "protocol/signal_name.hpp"

#include <coserve/sleep.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <exception>
#include <utility>

namespace coserve {

using namespace std::chrono_literals;

namespace {

/// For a command that is stopped to end, so that its client is told how: it is told soon in any
/// case.
constexpr duration patience = 50ms;

std::string reason_text(exec_stop why) {
    switch (why) {
    case exec_stop::timeout:
        return "timeout";
    case exec_stop::output_limit:
        return "output-limit";
    case exec_stop::cancelled:
        return "cancelled";
    case exec_stop::drain:
        return "drain";
    case exec_stop::no:
    case exec_stop::gone:
        break;
    }
    return {};
}

subprocess_end end_of(exec_stop why) noexcept {
    switch (why) {
    case exec_stop::timeout:
        return subprocess_end::timeout;
    case exec_stop::drain:
        return subprocess_end::drain;
    default:
        return subprocess_end::stopped;
    }
}

exec_error draining() {
    return {"draining", "the server is stopping"};
}

std::chrono::milliseconds in_ms(duration d) noexcept {
    return std::chrono::round<std::chrono::milliseconds>(d);
}

}  // namespace

exec_command::exec_command(
    executor where, exec_command_options o, std::unique_ptr<exec_client> client
)
    : where_(where),
      options_(std::move(o)),
      client_(std::move(client)),
      work_(where),
      aside_(where),
      more_input_(where),
      input_ends_(!options_.interactive),
      body_size_(options_.input.size()) {
    const bool has_input = options_.interactive || !options_.input.empty();
    options_.child.input = has_input ? subprocess_input::pipe : subprocess_input::null;
    if (!options_.input.empty())
        input_.push_back(std::move(options_.input));
}

task<> exec_command::run(exec_places places, burial bury) {
    const bool started = co_await start(places);
    if (!started)
        co_return;
    std::exception_ptr error;
    try {
        co_await serve();
    } catch (...) {
        error = std::current_exception();
    }
    // Nothing of this command outlives this coroutine, also where that was cancelled.
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    error = co_await join(error);
    exec_result end = result();
    bury(std::move(*child_), ticket_);
    child_.reset();
    if (stop_ == exec_stop::gone)
        co_return;
    if (error)
        std::rethrow_exception(error);
    co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
    co_await client_->tell(std::move(end));
    ticket_.reset();
}

/// What was wrong first stays.
task<std::exception_ptr> exec_command::join(std::exception_ptr error) {
    for (task_group* const group : {&work_, &aside_}) {
        group->cancel();
        try {
            co_await group->join();
        } catch (...) {
            if (!error)
                error = std::current_exception();
        }
    }
    co_return error;
}

/// false: there is no child, and its client was told why.
task<bool> exec_command::start(const exec_places& places) {
    if (stop_ != exec_stop::no) {
        co_await tell_early_end();
        co_return false;
    }
    if (refusal_) {
        co_await client_->tell(std::move(*refusal_));
        co_return false;
    }
    auto entered = places.enter(where_, options_.places);
    if (!entered) {
        exec_error busy{"busy", "too many commands are running and waiting on this server"};
        co_await client_->tell(std::move(busy));
        co_return false;
    }
    ticket_ = std::make_shared<exec_places::ticket>(std::move(*entered));
    const bool admitted = co_await ticket_->admitted();
    if (!admitted || stop_ != exec_stop::no) {
        co_await tell_early_end();
        co_return false;
    }
    std::optional<exec_error> failure;
    started_ = now(where_);
    has_started_ = true;
    try {
        child_ = co_await subprocess::start(options_.child);
    } catch (const subprocess_error& e) {
        failure = describe_start_failure(e, options_.child.arguments.front());
    } catch (const system_error& e) {
        if (e.code() == asio::error::operation_aborted)
            throw;
        failure = describe_start_failure(e);
    }
    if (!failure)
        co_return true;
    ticket_.reset();
    co_await client_->tell(std::move(*failure));
    co_return false;
}

task<> exec_command::serve() {
    const auto self = shared_from_this();
    if (stop_ != exec_stop::no)  // while it was started
        stop(std::exchange(stop_, exec_stop::no));
    if (options_.child.input == subprocess_input::pipe)
        aside_.spawn(&exec_command::feed, self);
    if (options_.timeout != duration::zero())
        aside_.spawn(&exec_command::watch_time, self);
    work_.spawn(&exec_command::pump, self);
    work_.spawn(&exec_command::await_end, self);
    co_await work_.join();
}

task<> exec_command::pump() {
    while (const auto piece = co_await child_->read()) {
        const exec_stream from =
            piece->from == subprocess_stream::output ? exec_stream::out : exec_stream::err;
        const std::size_t size = allowed(from, piece->bytes.size());
        sent_[static_cast<unsigned>(from)] += size;
        truncated_ = truncated_ || size < piece->bytes.size();
        if (size != 0)
            co_await client_->put(from, frame_view(frame(piece->bytes.data(), size)));
        if (!truncated_)
            continue;
        stop(exec_stop::output_limit);
        co_return;
    }
}

/// The child's own end may come after that of its output.
task<> exec_command::await_end() {
    co_await child_->wait();
}

/// A child that reads no more is no error; what comes for it is dropped.
task<> exec_command::feed() {
    for (;;) {
        while (input_.empty() && !input_ends_)
            co_await more_input_.wait();
        if (input_.empty())
            break;
        const bytes piece = std::move(input_.front());
        input_.pop_front();
        co_await child_->write(piece);
        count_taken(piece.size());
    }
    child_->close_input();
}

task<> exec_command::watch_time() {
    co_await sleep(options_.timeout);
    stop(exec_stop::timeout);
}

task<> exec_command::give_up() {
    co_await sleep(patience);
    work_.cancel();
}

void exec_command::stop(exec_stop why) {
    if (stop_ != exec_stop::no) {
        if (why == exec_stop::gone)
            stop_ = why;
        return;
    }
    stop_ = why;
    if (!child_) {
        if (ticket_)
            ticket_->abandon();
        return;
    }
    child_->terminate(end_of(why));
    if (why == exec_stop::gone)
        work_.cancel();
    else
        aside_.spawn(&exec_command::give_up, shared_from_this());
}

void exec_command::stop_waiting(exec_stop why) {
    if (!has_started_)
        stop(why);
}

task<> exec_command::refuse(exec_error error) {
    co_await client_->tell(std::move(error));
}

task<> exec_command::tell_early_end() {
    ticket_.reset();
    if (stop_ == exec_stop::gone)
        co_return;
    exec_error error{"cancelled", "the command was cancelled before it began"};
    if (stop_ == exec_stop::drain)
        error = draining();
    co_await client_->tell(std::move(error));
}

void exec_command::signal(int number) noexcept {
    if (!child_)
        return;
    try {
        child_->signal(number);
    } catch (const system_error&) {  // NOLINT(bugprone-empty-catch)
        // It runs as somebody else by now, and cannot be told.
    }
}

void exec_command::input(bytes piece) {
    window_ -= std::min<std::uint64_t>(window_, piece.size());
    if (!piece.empty())
        input_.push_back(std::move(piece));
    more_input_.tell();
}

/// Many small pieces are granted together, but the client never waits for nothing.
void exec_command::count_taken(std::uint64_t size) {
    if (!takes_input())
        return;
    owed_ += size;
    if (owed_ < exec_first_window / 4 && !input_.empty())
        return;
    window_ += owed_;
    client_->grant(std::exchange(owed_, 0));
}

void exec_command::end_input() {
    input_ends_ = true;
    more_input_.tell();
}

std::size_t exec_command::allowed(exec_stream from, std::size_t size) const noexcept {
    const std::uint64_t left = options_.output_limit - sent_[static_cast<unsigned>(from)];
    return static_cast<std::size_t>(std::min<std::uint64_t>(size, left));
}

exec_result exec_command::result() const {
    exec_result r;
    r.reason = reason_text(stop_);
    r.stdout_bytes = sent_[static_cast<unsigned>(exec_stream::out)];
    r.stderr_bytes = sent_[static_cast<unsigned>(exec_stream::err)];
    r.truncated = truncated_;
    r.lasted = in_ms(now(where_) - started_);
    const std::optional<subprocess_exit>& end = child_->ended();
    if (!end) {  // it holds out: what it was told
        r.signal = signal_name(SIGTERM);
        return r;
    }
    r.lasted = in_ms(end->elapsed);
    if (end->signal != 0)
        r.signal = signal_name(end->signal);
    else
        r.exit = end->code;
    if (r.reason.empty() && end->reason == subprocess_end::cpu_limit)
        r.reason = "cpu-limit";
    r.usage = exec_usage{in_ms(end->user_time), in_ms(end->system_time), end->peak_memory};
    return r;
}

}  // namespace coserve
