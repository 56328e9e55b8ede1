/// \file
/// What chat's user enters, and what becomes of it.
#pragma once

#include "chat_line.hpp"
#include "chat_screen.hpp"
#include "chat_talk.hpp"
#include "requests.hpp"
#include "wakeup.hpp"

#include <coserve/task.hpp>

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace coserve_client {

/// Errors: those of the talk.
/// Lifetime: what it is given outlives it.
class chat_session {
public:
    chat_session(boost::asio::io_context&, chat_talk&, chat_screen&);

    /// Does what the lines ask, one after the other, until there are no more or one wants to quit.
    coserve::task<> obey_all(request_source& lines);

    // ---- for lines that are typed, while others are still being sent

    /// false: the user wants to quit.
    bool enter(std::string_view line);
    /// There are no more.
    void finish();
    /// Does what was entered until all is done that will be.
    coserve::task<> obey_entered();

    /// Whether something that was entered is not done yet.
    bool pending() const noexcept { return !waiting_.empty(); }

    /// What of all that was asked is not done, and what was sent in vain; empty: nothing.
    std::string complaint() const;

private:
    coserve::task<> obey_waiting();
    coserve::task<bool> obey(const chat_line&);

    bool take(const chat_quit&);
    bool take(const chat_help&);
    bool take(const chat_mistake&);
    template <class Later>
    bool take(const Later&);

    chat_talk& talk_;
    chat_screen& screen_;
    wakeup entered_;
    std::deque<chat_line> waiting_;
    bool finished_ = false;
    std::uint64_t lines_ = 0, done_ = 0;
};

}  // namespace coserve_client
