#include "chat_session.hpp"

#include "chat_words.hpp"

#include <utility>
#include <variant>

namespace coserve_client {

using coserve::task;

namespace {

constexpr std::size_t most_waiting = 1000;

}  // namespace

chat_session::chat_session(boost::asio::io_context& context, chat_talk& talk, chat_screen& screen)
    : talk_(talk), screen_(screen), entered_(context) {}

task<> chat_session::obey_all(request_source& lines) {
    bool filled = true;
    while (filled) {
        while (const auto line = lines.next()) {
            if (!enter(*line))
                co_return;
            co_await obey_waiting();
        }
        filled = co_await lines.fill();
    }
}

bool chat_session::enter(std::string_view line) {
    ++lines_;
    return std::visit([this](const auto& l) { return take(l); }, read_chat_line(line));
}

void chat_session::finish() {
    finished_ = true;
    entered_.notify();
}

task<> chat_session::obey_entered() {
    for (;;) {
        co_await obey_waiting();
        if (finished_)
            co_return;
        co_await entered_.wait();
    }
}

task<> chat_session::obey_waiting() {
    while (!waiting_.empty()) {
        const bool done = co_await obey(waiting_.front());
        waiting_.pop_front();
        done_ += done ? 1 : 0;
    }
}

task<bool> chat_session::obey(const chat_line& line) {
    if (const auto* say = std::get_if<chat_say>(&line)) {
        std::string text = say->text;
        co_return co_await talk_.say(std::move(text));
    }
    if (const auto* move = std::get_if<chat_move>(&line)) {
        std::string room = move->room;
        co_return co_await talk_.join(std::move(room));
    }
    co_return co_await talk_.ask_names();
}

template <class Later>
bool chat_session::take(const Later& line) {
    if (waiting_.size() == most_waiting) {
        screen_.tell("not done: too many lines wait already");
        return true;
    }
    waiting_.emplace_back(line);
    entered_.notify();
    return true;
}

bool chat_session::take(const chat_quit&) {
    ++done_;
    return false;
}

bool chat_session::take(const chat_help&) {
    ++done_;
    screen_.explain(chat_commands);
    return true;
}

bool chat_session::take(const chat_mistake& m) {
    screen_.tell(m.reason);
    return true;
}

std::string chat_session::complaint() const {
    std::string text;
    if (lines_ != done_)
        text =
            std::to_string(lines_ - done_) + " of " + count_of(lines_, "line") + " had no effect";
    if (const std::uint64_t lost = talk_.lost(); lost != 0)
        text += (text.empty() ? "" : "; ") + lost_messages("", lost);
    return text;
}

}  // namespace coserve_client
