// The listeners of datagrams that a server has, with their sockets.
#pragma once

#include "datagram_listener.hpp"
#include "datagram_transport.hpp"

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

namespace coserve {

// Thread: on core 0, except where it says any.
class datagram_listeners {
public:
    // One transport for each of the listener's places.
    void add(std::shared_ptr<datagram_listener>, std::vector<std::unique_ptr<datagram_transport>>);

    // Receives from those that are bound only.
    void start(const std::shared_ptr<server_state>&);
    // Calls it on the core of each session, later.
    void visit(const std::function<void(datagram_session&)>&);
    // Cancels everything, in the call. They have no core but this.
    void expire() noexcept;
    // From here on no context is posted to. No core runs.
    void detach() noexcept;

    // Thread: any.
    datagram_stats stats() const noexcept;

private:
    struct sockets {
        std::shared_ptr<datagram_listener> listener;
        std::vector<std::unique_ptr<datagram_transport>>
            transports;  // none: they are received from
    };

    mutable std::mutex mutex_;  // of the next: any thread asks for its counts
    std::list<sockets> all_;
};

}  // namespace coserve
