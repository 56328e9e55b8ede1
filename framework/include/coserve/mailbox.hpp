/// \file
/// A way to one connection from anywhere.
#pragma once

#include <coserve/frame.hpp>

#include <memory>

namespace coserve {

class stream_state;

/// Sends frames to one connection from any thread. Copies share it.
///
/// Lifetime: weak: it keeps nothing alive, and outlives the connection, its core and its server.
/// Thread: any.
class mailbox {
public:
    enum class result {
        queued,  ///< it goes out after what was queued before, unless the connection ends first
        full,    ///< the peer is not reading: four times the high-water mark is waiting
        closed,  ///< the connection has ended
    };

    /// Queues one frame on the connection's core. A frame that its framing cannot hold is dropped
    /// there and logged.
    result post(bytes message) const;

private:
    friend class frame_stream;
    friend class stream_state;
    struct state;

    explicit mailbox(std::shared_ptr<state>) noexcept;

    std::shared_ptr<state> state_;
};

}  // namespace coserve
