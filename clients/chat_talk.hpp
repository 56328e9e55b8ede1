/// \file
/// What chat is done through, whichever of its formats it speaks.
#pragma once

#include <coserve/option_reader.hpp>
#include <coserve/task.hpp>

#include <cstdint>
#include <exception>
#include <optional>
#include <string>

namespace coserve_client {

/// What the user wants.
struct chat_wishes {
    std::string server;  ///< its URL, for messages
    std::string name, room;
    coserve::duration join_time{};              ///< for the first join
    std::optional<coserve::duration> patience;  ///< with a server that has gone; none: endless
    bool typed = false;  ///< at a prompt, where one's own messages stand already
};

/// What waits was interrupted.
class chat_stopped : public std::exception {
public:
    const char* what() const noexcept override { return "interrupted"; }
};

/// A member's part. One of its tasks runs at a time.
///
/// Errors: `failure`; `chat_stopped` after `stop()`.
class chat_talk {
public:
    chat_talk() = default;
    chat_talk(const chat_talk&) = delete;
    chat_talk& operator=(const chat_talk&) = delete;
    virtual ~chat_talk() = default;

    /// Becomes a member.
    virtual coserve::task<> begin() = 0;

    /// Sends it, as soon as it is a member and not too fast. false: it cannot be sent, which the
    /// user is told.
    virtual coserve::task<bool> say(std::string text) = 0;

    /// Moves; the user is told how it went.
    virtual coserve::task<bool> join(std::string room) = 0;

    /// Shows who is there. false: there is no answer.
    virtual coserve::task<bool> ask_names() = 0;

    /// Waits until what was said has come back, where the server sends it back. Who types is told
    /// what did not, and everybody where nothing ever did.
    virtual coserve::task<> settle() = 0;

    /// Leaves, and lets nothing run; also after `stop()` or an error.
    virtual coserve::task<> end() = 0;

    /// Ends what waits, now and from now on.
    virtual void stop() = 0;

    /// What waits for a server that has gone waits no longer.
    virtual void lose_patience() = 0;

    /// How many messages should have come back and did not.
    virtual std::uint64_t lost() const = 0;
};

}  // namespace coserve_client
