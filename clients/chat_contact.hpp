/// \file
/// How long a server is waited for that does not answer, and what is known of why.
#pragma once

#include "protocol/chat_time.hpp"

#include <coserve/units.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace coserve_client {

class chat_contact {
public:
    /// After which the user is told that nothing comes.
    static constexpr std::chrono::seconds silence{2};

    /// nullopt: endless.
    std::optional<coserve::duration> patience;

    /// From now on it is waited for. `told`: the user knows.
    void begin_waiting(coserve::chat_time now, bool told);
    /// It is there.
    void answered() { unreachable_.reset(); }

    /// What the network says of it. true: that is new.
    bool unreachable(const std::string& reason);
    /// By what the network said last.
    bool is_unreachable() const { return unreachable_.has_value(); }
    /// true, once: the user should know by now that it does not answer.
    bool to_be_told(coserve::chat_time now);

    /// When one of the next two is due.
    coserve::chat_time due() const;
    bool is_hopeless(coserve::chat_time now) const { return now >= last_hope(); }
    /// Why it is not there: a sentence that names the server.
    std::string reason(const std::string& server) const;

private:
    coserve::chat_time last_hope() const;

    coserve::chat_time since_{};
    bool told_ = false;
    std::optional<std::string> unreachable_;
};

}  // namespace coserve_client
