#include "exec_connection.hpp"

#include <coserve/sleep.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <string>
#include <utility>

namespace coserve {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t longest_line = 64;
// Commands are stopped so much before a drain's deadline, which resets what is still open, that
// their clients are told.
constexpr duration told_before_deadline = 250ms;

}  // namespace

// ---- exec_commands

exec_commands::exec_commands(exec_context& c, std::size_t at_once)
    : context_(c), at_once_(at_once), fewer_(c.where) {}

bool exec_commands::full() const noexcept {
    return all_.size() >= at_once_ + longest_line;
}

std::size_t exec_commands::body_size() const noexcept {
    std::size_t size = 0;
    for (const entry& e : all_)
        size += e.command->body_size();
    return size;
}

std::shared_ptr<exec_command> exec_commands::find(exec_id id) const noexcept {
    const auto found = std::ranges::find(all_, id, &entry::id);
    return found == all_.end() ? nullptr : found->command;
}

void exec_commands::add(exec_id id, std::shared_ptr<exec_command> command) {
    all_.push_back({id, std::move(command)});
    begin_next();
}

void exec_commands::begin_next() {
    // Those that wait in a drain have nothing to wait for; where only one runs at a time, each
    // reply has its turn.
    const bool all = context_.stream.draining() && at_once_ > 1;
    // A command may be over at once, and then this is called from within.
    if (std::exchange(beginning_, true))
        return;
    while (all || begun_ < at_once_) {
        const auto next = std::ranges::find(all_, false, &entry::begun);
        if (next == all_.end())
            break;
        begin(next);
    }
    beginning_ = false;
}

void exec_commands::begin(place e) {
    e->begun = true;
    ++begun_;
    context_.tasks.spawn(&exec_commands::run, this, e);
}

task<> exec_commands::run(place e) {
    // Also where it is cancelled.
    struct guard {
        exec_commands& all;
        place e;

        ~guard() { all.ended(e); }
    };

    const guard at_end{*this, e};
    const std::shared_ptr<exec_command> command = e->command;
    if (context_.stream.draining()) {
        exec_error draining{"draining", "the server is stopping"};
        co_await command->refuse(std::move(draining));
        co_return;
    }
    exec_command::burial grave = [this](subprocess child, exec_command::place held) {
        context_.tasks.spawn(&exec_commands::bury, std::move(child), std::move(held));
    };
    co_await command->run(context_.places, std::move(grave));
}

void exec_commands::ended(place e) noexcept {
    all_.erase(e);
    --begun_;
    fewer_.tell();
    begin_next();
}

/// A command has its place for as long as anything of it lives.
task<> exec_commands::bury(subprocess child, exec_command::place held) {
    co_await child.stop();
    held.reset();
}

void exec_commands::drain() {
    for (const entry& e : all_)
        if (e.begun)
            e.command->stop_waiting(exec_stop::drain);
    begin_next();
}

void exec_commands::stop(exec_id id, exec_stop why) {
    const auto found = std::ranges::find(all_, id, &entry::id);
    if (found == all_.end())
        return;
    found->command->stop(why);
    // It is told now, not when its turn comes.
    if (!found->begun && at_once_ > 1)
        begin(found);
}

void exec_commands::stop_all(exec_stop why) {
    for (const entry& e : all_)
        e.command->stop(why);
}

task<> exec_commands::at_most(std::size_t count) {
    while (all_.size() > count)
        co_await fewer_.wait();
}

// ---- exec_connection

exec_connection::exec_connection(const exec_context& c, std::size_t at_once)
    : context_(c), commands_(context_, at_once), watch_(context_.where) {}

exec_command_options exec_connection::command_options(
    subprocess_options child, std::optional<std::chrono::milliseconds> timeout
) const {
    exec_command_options o;
    o.child = std::move(child);
    o.timeout = context_.options.timeout;
    if (timeout && (o.timeout == duration::zero() || *timeout < o.timeout))
        o.timeout = *timeout;
    o.output_limit = context_.options.output_limit;
    o.places = context_.options.commands;
    return o;
}

task<> exec_connection::serve() {
    watch_.spawn(&exec_connection::watch_peer, this);
    std::exception_ptr error;
    try {
        co_await read_requests();
        if (context_.stream.draining())
            co_await drain();
    } catch (...) {
        error = std::current_exception();
    }
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    end_all();
    watch_.cancel();
    try {
        co_await watch_.join();
    } catch (...) {
        if (!error)
            error = std::current_exception();
    }
    if (error)
        std::rethrow_exception(error);
}

/// Half a connection is none: what a command writes is for a client that still listens.
task<> exec_connection::watch_peer() {
    co_await context_.stream.closed();
    end_all();
}

void exec_connection::end_all() noexcept {
    // Again, where requests that had arrived before the end came after it.
    if (commands_.size() != 0 && !std::exchange(told_, true)) {
        const std::string reason =
            "the connection ended with " + std::to_string(commands_.size()) + " under way";
        context_.log(log_level::info, "commands stopped", reason);
    }
    commands_.stop_all(exec_stop::gone);
}

task<> exec_connection::drain() {
    commands_.drain();
    watch_.spawn(&exec_connection::stop_in_time, this);
    co_await commands_.at_most(0);
    // They were told; what is left of them ends without the client.
    context_.stream.close();
}

task<> exec_connection::stop_in_time() {
    const auto deadline = context_.server.drain_deadline();
    if (!deadline)
        co_return;
    const duration left = std::max(duration::zero(), *deadline - now(context_.where));
    co_await sleep(left - std::min(told_before_deadline, left / 4));
    commands_.stop_all(exec_stop::drain);
}

}  // namespace coserve
