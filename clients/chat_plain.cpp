#include "chat_plain.hpp"

#include "chat_words.hpp"
#include "failure.hpp"

#include "protocol/chat_name.hpp"

#include <coserve/datagram.hpp>

#include <algorithm>
#include <utility>

namespace coserve_client {

using coserve::task;

namespace {

/// Who sends everything back does so before there are so many more.
constexpr std::size_t most_remembered = 64;

}  // namespace

chat_plain::chat_plain(
    boost::asio::io_context& context,
    coserve::datagram_socket socket,
    const chat_wishes& wishes,
    chat_screen& screen
)
    : wishes_(wishes),
      screen_(screen),
      flow_(context),
      receiver_(context, std::move(socket), *this) {}

task<> chat_plain::begin() {
    receiver_.start();
    if (wishes_.typed)
        screen_.tell("what you say first makes you a member; an empty line does, too");
    co_return;
}

task<bool> chat_plain::say(std::string text) {
    text.insert(0, coserve::plain_name_mark).insert(0, wishes_.name);
    if (text.size() > coserve::longest_datagram) {
        screen_.tell(
            "not sent: with your name it is " + count_of(text.size(), "byte") +
            " long; a datagram holds " + std::to_string(coserve::longest_datagram)
        );
        co_return false;
    }
    co_await flow_.wait_for_turn();
    receiver_.send(text);
    last_sent_ = flow_.now();
    flow_.pace.sent(last_sent_, text.size());
    sent_.push_back(std::move(text));
    if (sent_.size() > most_remembered)
        sent_.pop_front();
    co_return true;
}

task<bool> chat_plain::join(std::string) {
    screen_.tell("plain text knows no rooms: /join works without --plain");
    co_return false;
}

task<bool> chat_plain::ask_names() {
    screen_.tell("plain text has no such question: /who works without --plain");
    co_return false;
}

/// Where nothing comes back, an answer to the last message may.
task<> chat_plain::settle() {
    co_await flow_.settle();
    if (wishes_.typed) {
        if (const std::uint64_t missing = flow_.pace.missing(); missing != 0)
            screen_.tell(lost_messages("", missing));
        co_return;
    }
    const coserve::chat_time until = last_sent_ + chat_pace::patience;
    while (!flow_.pace.echoes() && flow_.now() < until)
        co_await flow_.wait(until);
    if (unreachable_)
        throw failure(*unreachable_);
}

task<> chat_plain::end() {
    co_await receiver_.close();
}

void chat_plain::stop() {
    flow_.stop();
}

void chat_plain::lose_patience() {}

std::uint64_t chat_plain::lost() const {
    return skipped_ + flow_.pace.missing();
}

void chat_plain::received(std::span<const std::byte> datagram) {
    unreachable_.reset();
    const std::string_view text(reinterpret_cast<const char*>(datagram.data()), datagram.size());
    const bool own = came_back(text);
    flow_.notify();
    if (!own || !wishes_.typed)
        screen_.show(shown_line(text));
}

bool chat_plain::came_back(std::string_view datagram) {
    const auto found = std::ranges::find(sent_, datagram);
    if (found == sent_.end())
        return false;
    const auto before = static_cast<std::uint64_t>(found - sent_.begin());
    skipped_ += before;
    flow_.pace.returned(before + 1);
    sent_.erase(sent_.begin(), found + 1);
    return true;
}

void chat_plain::unreachable(const std::string& reason) {
    if (std::exchange(unreachable_, reason) != reason && wishes_.typed)
        screen_.tell(reason);
}

}  // namespace coserve_client
