// Accepts the connections of one listening socket.
#pragma once

#include "core.hpp"
#include "listen_socket.hpp"

#include <coserve/endpoint.hpp>

#include <functional>

namespace coserve {

// Thread: on its core.
class acceptor final : watcher, timer, resident {
public:
    struct callbacks {
        std::function<void(unique_fd, const endpoint& peer)> accepted;
        // Once for a series of failures, after which it tries again every 100 ms.
        std::function<void(error_code)> failed;
    };

    acceptor(core&, listening, callbacks);
    ~acceptor();

    void start();
    // Takes what has connected already, and closes.
    void stop() noexcept;
    void close() noexcept;

private:
    void on_ready(std::uint32_t) override;
    void on_timer() noexcept override;
    void on_shutdown() noexcept override;
    bool accept_some(int most);
    void unlink() noexcept;

    core* core_;  // null after its end
    listening listening_;
    callbacks callbacks_;
    bool failing_ = false;
};

}  // namespace coserve
