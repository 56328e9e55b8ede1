#include "exec_native.hpp"

#include "complaint.hpp"
#include "failure.hpp"
#include "interruptions.hpp"

#include "protocol/command_text.hpp"
#include "protocol/json_members.hpp"
#include "protocol/signal_name.hpp"

#include <coserve/error.hpp>
#include <coserve/sleep.hpp>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <utility>

#include <unistd.h>

namespace coserve_client {

using coserve::exec_error;
using coserve::exec_reply;
using coserve::exec_request;
using coserve::exec_result;
using coserve::task;

namespace {

constexpr std::size_t largest_piece = std::size_t{32} << 10;
constexpr int signal_code = 128;

bool splits(const std::string& text) {
    const auto argv = coserve::split_command(text);
    return argv && !argv->empty() && !argv->front().empty();
}

void split(coserve::exec_start& start) {
    start.argv = *coserve::split_command(start.command);
    start.command.clear();
}

exec_reply parse(std::string_view header, const std::string& server) {
    try {
        return coserve::parse_exec_reply(header);
    } catch (const coserve::json_error& e) {
        throw failure(server + ": not a reply of exec: " + e.what());
    }
}

}  // namespace

task<int> exec_native::run(remote_command c) {
    coserve::exec_start start;
    start.argv = std::move(c.argv);
    start.command = std::move(c.text);
    start.timeout = c.timeout;
    start.interactive = c.passes_input;
    const bool may_split = c.may_split && splits(start.command);
    if (may_split && without_shell_)
        split(start);
    outcome end = co_await run_once(start);
    const auto* const error = std::get_if<exec_error>(&end);
    if (may_split && !without_shell_ && error && error->word == "not-allowed") {
        without_shell_ = true;
        split(start);
        end = co_await run_once(start);
    }
    co_return code_of(end);
}

task<exec_native::outcome> exec_native::run_once(coserve::exec_start start) {
    ++id_;
    window_ = coserve::exec_first_window;
    interrupted_ = false;
    const bool passes_input = start.interactive;
    ask({id_, 0, std::move(start)});
    coserve::task_group beside(context_.get_executor());
    if (passes_input) {
        if (!input_)
            input_.emplace(context_);
        beside.spawn(&exec_native::feed, this);
    }
    std::optional<outcome> end;
    std::exception_ptr error;
    try {
        const interruptions keys(context_, [this, &beside] { interrupt(beside); });
        end = co_await talk();
    } catch (...) {
        error = std::current_exception();
    }
    beside.cancel();
    co_await beside.join();
    outputs_.out.finish();
    outputs_.err.finish();
    if (error)
        std::rethrow_exception(error);
    co_return std::move(*end);
}

/// Until the command's last word.
task<exec_native::outcome> exec_native::talk() {
    while (const auto header = co_await stream_.read_header()) {
        const exec_reply reply = parse(header->text(), name_);
        if (reply.id && *reply.id != id_)
            continue;  // of one that was left
        if (const auto* const piece = std::get_if<coserve::exec_output>(&reply.what)) {
            co_await show(piece->stream);
        } else if (const auto* const window = std::get_if<coserve::exec_window>(&reply.what)) {
            window_ += window->bytes;
            granted_.cancel();
        } else if (const auto* const result = std::get_if<exec_result>(&reply.what)) {
            co_return *result;
        } else {
            co_return std::get<exec_error>(reply.what);
        }
    }
    throw failure(name_ + ": the server ended the connection before the command's end");
}

task<> exec_native::show(coserve::exec_stream from) {
    output& to = from == coserve::exec_stream::out ? outputs_.out : outputs_.err;
    while (const auto piece = co_await stream_.read_body())
        to.part(piece->text());
    to.flush();
}

/// A command without the rest of its input is not to go on.
task<> exec_native::feed() {
    try {
        co_await pass_input();
    } catch (const failure&) {
        ask({id_, 0, coserve::exec_cancel()});
        throw;
    }
}

task<> exec_native::pass_input() {
    for (;;) {
        while (window_ == 0) {
            boost::system::error_code ignored;
            co_await granted_.async_wait(
                boost::asio::redirect_error(boost::asio::use_awaitable, ignored)
            );
        }
        const std::size_t most = std::min<std::uint64_t>(window_, largest_piece);
        const auto piece = co_await input_->read(most);
        if (!piece)
            break;
        window_ -= piece->size();
        ask({id_, 0, coserve::exec_input{false}}, *piece);
        co_await stream_.flush();
    }
    ask({id_, 0, coserve::exec_input{true}});
}

void exec_native::interrupt(coserve::task_group& beside) {
    if (std::exchange(interrupted_, true))
        std::_Exit(signal_code + SIGINT);
    ask({id_, 0, coserve::exec_signal{SIGINT}});
    beside.spawn(&exec_native::insist, this);
}

/// A command need not obey.
task<> exec_native::insist() {
    co_await coserve::sleep(std::chrono::seconds(1));
    ask({id_, 0, coserve::exec_cancel()});
}

/// Not awaited: the window bounds what is queued.
void exec_native::ask(exec_request r, coserve::frame_view body) {
    [[maybe_unused]] const auto queued = stream_.write_frame(coserve::exec_header(r), body);
}

int exec_native::code_of(const outcome& end) const {
    if (const auto* const error = std::get_if<exec_error>(&end)) {
        complain(name_ + ": " + error->word + ": " + error->message);
        return EXIT_FAILURE;
    }
    const auto& result = std::get<exec_result>(end);
    if (result.truncated)
        complain("the command wrote more than the server passes on");
    if (!result.reason.empty())
        complain("the server stopped the command: " + result.reason);
    if (result.exit)
        return *result.exit;
    return signal_code + coserve::signal_number(result.signal).value_or(0);
}

}  // namespace coserve_client
