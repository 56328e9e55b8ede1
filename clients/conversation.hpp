/// \file
/// Requests to a server, and its replies to them, in order.
#pragma once

#include "dialogue.hpp"
#include "output.hpp"
#include "requests.hpp"
#include "server_url.hpp"

#include <coserve/frame_stream.hpp>
#include <coserve/task.hpp>
#include <coserve/task_group.hpp>

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string_view>

namespace coserve_client {

/// One connection that asks and prints what is answered, a line a reply. The own side stays open
/// until the last reply.
///
/// Lifetime: what it is given outlives it.
/// Errors: `failure`, `boost::system::system_error`.
class conversation final : public dialogue {
public:
    /// Without `wants_replies` they are dropped unread.
    conversation(boost::asio::io_context&, coserve::frame_stream, const server_url&, bool wants_replies, output&);

    /// Asks everything that `requests` has: without waiting for the replies between, except where
    /// one direction is raw. A server that ends the connection after its last reply is no error.
    coserve::task<> ask_all(request_source& requests) override;

    /// Asks once. A raw reply is complete when it is as long as the request and does not end within
    /// a character, when the server ends the connection, or when half a second passed without more
    /// of it. Lifetime: `request` is used until the task ends.
    coserve::task<> ask(std::string_view request) override;

    /// Completes when the server has ended its side or reset the connection. Where replies are
    /// dropped it is what drops them.
    coserve::task<> server_gone() override;

    /// Sends what is queued, and ends the connection in the context's next turns.
    coserve::task<> close() override;

    bool tells_of_end() const noexcept override { return true; }

    bool asks_nothing() const noexcept override { return false; }

private:
    coserve::task<> ask_one_by_one(request_source& requests);
    coserve::task<> ask_pipelined(request_source& requests);
    coserve::task<> send_all(request_source& requests);
    coserve::task<> receive_all(request_source* requests);
    void stop_sending(request_source& requests);
    void answer_nothing();
    coserve::task<> print_reply();
    coserve::task<> print_raw_reply(std::size_t expected);
    coserve::task<std::optional<coserve::frame>> read_part(bool has_begun);
    coserve::task<> drop_replies();

    [[noreturn]] void fail_unanswered() const;

    boost::asio::io_context& context_;
    coserve::frame_stream stream_;
    const server_url& url_;
    const bool wants_replies_;
    output& output_;
    std::uint64_t sent_ = 0;
    std::uint64_t answered_ = 0;
    bool all_sent_ = false;
    bool server_ended_ = false;
};

}  // namespace coserve_client
