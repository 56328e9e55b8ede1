// One datagram session's place in its server: while it lives, a drain waits for it.
#pragma once

#include "datagram_listener.hpp"

#include <cstddef>
#include <memory>

namespace coserve {

class server_state;

// Counted from its construction to its destruction, and keeps what it is counted by.
class datagram_permit {
public:
    datagram_permit(
        std::shared_ptr<server_state>, std::shared_ptr<datagram_listener>, std::size_t place
    ) noexcept;
    datagram_permit(datagram_permit&&) noexcept = default;
    datagram_permit& operator=(datagram_permit&&) = delete;
    ~datagram_permit();

    server_state& server() const noexcept { return *server_; }

    const std::shared_ptr<server_state>& shared_server() const noexcept { return server_; }

    datagram_listener& listener() const noexcept { return *listener_; }

    std::size_t number() const noexcept { return place_; }

    datagram_listener::place& place() const noexcept { return listener_->places[place_]; }

private:
    std::shared_ptr<server_state> server_;
    std::shared_ptr<datagram_listener> listener_;
    std::size_t place_;
};

}  // namespace coserve
