#include "datagram_conversation.hpp"

#include "failure.hpp"

#include <coserve/datagram.hpp>
#include <coserve/error.hpp>

#include <cstdio>
#include <utility>

namespace coserve_client {

using coserve::task;

datagram_conversation::datagram_conversation(
    coserve::datagram_socket socket,
    std::string name,
    coserve::duration longest_wait,
    bool wants_replies,
    output& out
)
    : socket_(std::move(socket)),
      name_(std::move(name)),
      longest_wait_(longest_wait),
      wants_replies_(wants_replies),
      output_(out) {}

task<> datagram_conversation::ask_all(request_source& requests) {
    bool filled = true;
    while (filled) {
        while (const auto request = requests.next())
            co_await ask(*request);
        filled = co_await requests.fill();
    }
    if (lost_ != 0)
        throw failure(
            name_ + ": " + std::to_string(lost_) + " of " + std::to_string(sent_) +
            " replies did not come"
        );
}

task<> datagram_conversation::ask(std::string_view request) {
    if (wants_replies_)
        drop_late();
    send(request);
    if (wants_replies_)
        co_await print_reply();
}

// It would be taken for the next one's reply. (One that comes later still is.)
void datagram_conversation::drop_late() {
    while (socket_->try_receive()) {
        output_.flush();
        std::fprintf(
            stderr, "coserve: %s: a reply came too late, and is not shown\n", name_.c_str()
        );
    }
}

void datagram_conversation::send(std::string_view request) {
    ++sent_;
    if (request.size() > coserve::longest_datagram)
        throw failure(
            "datagram " + std::to_string(sent_) + " would have " + std::to_string(request.size()) +
            " bytes; one holds " + std::to_string(coserve::longest_datagram) + " at most"
        );
    if (!socket_->send(request))
        throw failure(name_ + ": too many datagrams wait to be sent");
}

task<> datagram_conversation::print_reply() {
    const auto reply = co_await socket_->receive(longest_wait_);
    if (!reply) {
        report_loss();
        co_return;
    }
    output_.line(reply->data.text());
    output_.flush();
    if (reply->truncated)
        std::fprintf(
            stderr,
            "coserve: %s: reply %llu was longer than max-datagram, and is cut\n",
            name_.c_str(),
            static_cast<unsigned long long>(sent_)
        );
}

void datagram_conversation::report_loss() {
    ++lost_;
    output_.flush();
    std::fprintf(
        stderr,
        "coserve: %s: no reply to datagram %llu within %s\n",
        name_.c_str(),
        static_cast<unsigned long long>(sent_),
        coserve::format_time(longest_wait_).c_str()
    );
}

task<> datagram_conversation::server_gone() {
    co_return;
}

task<> datagram_conversation::close() {
    socket_.reset();
    co_return;
}

}  // namespace coserve_client
