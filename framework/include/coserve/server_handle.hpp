/// \file
/// What a handler, or another thread, may do to its server.
#pragma once

#include <coserve/datagram.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

namespace coserve {

class server_state;

struct server_stats {
    std::uint64_t accepted = 0;  ///< connections since the start
    std::uint64_t active = 0;    ///< connections now
    std::uint64_t refused = 0;   ///< closed at once: over a cap, or turned away by `verify_request`
    std::uint64_t failed = 0;    ///< ended by an error
    datagram_stats datagrams{};  ///< of all listeners and cores
};

/// Lifetime: outlives the server, and then does nothing.
/// Thread: any.
class server_handle {
public:
    explicit server_handle(std::weak_ptr<server_state>) noexcept;

    /// Begins the drain and returns at once.
    void stop() const noexcept;
    bool draining() const noexcept;
    /// When what still runs is cancelled; nullopt: no drain has begun.
    std::optional<std::chrono::steady_clock::time_point> drain_deadline() const noexcept;
    server_stats stats() const noexcept;

private:
    std::weak_ptr<server_state> state_;
};

}  // namespace coserve
