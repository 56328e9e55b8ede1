/// \file
/// Datagrams to a server, and what comes back.
#pragma once

#include "dialogue.hpp"
#include "output.hpp"

#include <coserve/datagram_socket.hpp>
#include <coserve/units.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace coserve_client {

/// One datagram a request, and one a reply. It sends one, and waits for one: nothing in a datagram
/// says which request it answers. A reply that does not come in time is lost, which is said on
/// stderr, and the next request is sent.
///
/// Lifetime: what it is given outlives it.
class datagram_conversation final : public dialogue {
public:
    /// `name`: of the server, for messages. Without `wants_replies` nothing is waited for.
    datagram_conversation(coserve::datagram_socket, std::string name, coserve::duration longest_wait, bool wants_replies, output&);

    /// Errors: also `failure` at the end, where replies were lost.
    coserve::task<> ask_all(request_source& requests) override;
    coserve::task<> ask(std::string_view request) override;
    coserve::task<> server_gone() override;
    coserve::task<> close() override;

    bool tells_of_end() const noexcept override { return false; }

    bool asks_nothing() const noexcept override { return true; }

private:
    void drop_late();
    void send(std::string_view request);
    coserve::task<> print_reply();
    void report_loss();

    std::optional<coserve::datagram_socket> socket_;
    const std::string name_;
    const coserve::duration longest_wait_;
    const bool wants_replies_;
    output& output_;
    std::uint64_t sent_ = 0, lost_ = 0;
};

}  // namespace coserve_client
