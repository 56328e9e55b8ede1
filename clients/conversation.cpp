#include "conversation.hpp"

#include "failure.hpp"

#include <coserve/error.hpp>

#include <boost/asio/error.hpp>

#include <chrono>
#include <utility>

namespace coserve_client {

using coserve::task;

conversation::conversation(
    boost::asio::io_context& context,
    coserve::frame_stream stream,
    const server_url& url,
    bool wants_replies,
    output& out
)
    : context_(context),
      stream_(std::move(stream)),
      url_(url),
      wants_replies_(wants_replies),
      output_(out) {}

task<> conversation::ask_all(request_source& requests) {
    if (wants_replies_ && (url_.reads_raw || url_.writes_raw))
        co_await ask_one_by_one(requests);
    else
        co_await ask_pipelined(requests);
}

task<> conversation::ask(std::string_view request) {
    // Not awaited: a peer may take the rest only while its replies are read.
    [[maybe_unused]] const auto queued = stream_.write_frame(request);
    ++sent_;
    if (request.empty() && url_.writes_raw)
        answer_nothing();
    else if (!wants_replies_)
        co_await stream_.flush();
    else if (url_.reads_raw)
        co_await print_raw_reply(request.size());
    else
        co_await print_reply();
    if (answered_ < sent_ && wants_replies_)
        fail_unanswered();
}

task<> conversation::server_gone() {
    if (wants_replies_)
        co_await stream_.closed();
    else
        co_await drop_replies();
}

task<> conversation::close() {
    co_await stream_.flush();
    stream_.close();
}

task<> conversation::ask_one_by_one(request_source& requests) {
    for (;;) {
        while (const auto request = requests.next()) {
            if (server_ended_)
                fail_unanswered();
            co_await ask(*request);
        }
        if (server_ended_ && !requests.pending())
            co_return;
        const bool filled = co_await requests.fill();
        if (!filled)
            co_return;
    }
}

task<> conversation::ask_pipelined(request_source& requests) {
    coserve::task_group receiving(context_.get_executor());
    receiving.spawn(&conversation::receive_all, this, &requests);
    std::exception_ptr error;
    try {
        co_await send_all(requests);
    } catch (const std::exception&) {
        error = std::current_exception();  // what was sent before is still answered
    }
    all_sent_ = true;
    if (!wants_replies_ || answered_ >= sent_)
        receiving.cancel();
    co_await receiving.join();
    const bool all_answered = !wants_replies_ || (answered_ >= sent_ && !requests.pending());
    if (server_ended_ && !all_answered)
        fail_unanswered();
    if (error)
        std::rethrow_exception(error);
}

task<> conversation::send_all(request_source& requests) {
    bool filled = true;
    while (filled) {
        while (const auto request = requests.next()) {
            auto queued = stream_.write_frame(*request);
            ++sent_;
            co_await std::move(queued);
        }
        filled = co_await requests.fill();
    }
    co_await stream_.flush();
}

/// Ends with the last reply, or when no more can come; then nothing more is sent either.
task<> conversation::receive_all(request_source* requests) {
    try {
        if (!wants_replies_)
            co_await drop_replies();
        while (!server_ended_ && !(all_sent_ && answered_ >= sent_))
            co_await print_reply();
    } catch (const coserve::system_error& e) {
        if (e.code() != boost::asio::error::operation_aborted)  // which says that all was sent
            stop_sending(*requests);
        throw;
    } catch (const failure&) {
        stop_sending(*requests);
        throw;
    }
    if (wants_replies_ && server_ended_ && answered_ < sent_)
        stop_sending(*requests);
    else if (wants_replies_)
        requests->interrupt();
}

void conversation::stop_sending(request_source& requests) {
    requests.interrupt();
    stream_.abort();
}

/// Without framing an empty request is nothing at all, and nothing comes back.
void conversation::answer_nothing() {
    if (wants_replies_)
        output_.line("");
    ++answered_;
}

task<> conversation::print_reply() {
    const auto reply = co_await stream_.read_frame();
    if (reply) {
        output_.line(reply->text());
        ++answered_;
        co_return;
    }
    server_ended_ = true;
}

task<> conversation::print_raw_reply(std::size_t expected) {
    std::size_t arrived = 0;
    while ((arrived < expected || output_.inside_character()) && !server_ended_) {
        const auto part = co_await read_part(arrived > 0);
        if (!part)
            break;
        output_.part(part->text());
        arrived += part->size();
    }
    if (arrived == 0 && expected > 0)
        co_return;
    output_.end_line();
    ++answered_;
}

task<std::optional<coserve::frame>> conversation::read_part(bool has_begun) {
    constexpr std::chrono::milliseconds longest_pause(500);
    std::optional<coserve::frame> part;
    try {
        if (has_begun)
            part = co_await stream_.read_frame(longest_pause);
        else
            part = co_await stream_.read_frame();
        server_ended_ = !part;
    } catch (const coserve::system_error& e) {
        if (e.code() != coserve::errc::timeout || !has_begun)
            throw;
    }
    co_return part;
}

task<> conversation::drop_replies() {
    // Named, because g++ 12 breaks the frame of a coroutine that waits in a condition and has no
    // variable.
    while (const auto dropped = co_await stream_.read_some()) {
    }
    server_ended_ = true;
}

void conversation::fail_unanswered() const {
    throw failure(
        url_.name + ": the server ended the connection after " + std::to_string(answered_) +
        " of " + std::to_string(sent_) + " replies"
    );
}

}  // namespace coserve_client
