/// \file
/// How a thread's connections over streams are made.
#pragma once

#include "framed_socket.hpp"
#include "plan.hpp"
#include "schedule.hpp"
#include "socket_set.hpp"
#include "stream_target.hpp"

#include <coserve/error.hpp>

#include <compare>
#include <cstddef>
#include <functional>
#include <memory>
#include <queue>
#include <vector>

namespace coserve_bench {

/// Makes connections, each at its time, a number of them at once, and tries all addresses of the
/// server's name, beginning with the one that was good before.
class stream_connector {
public:
    /// Where a connection is to be.
    class place {
    public:
        explicit place(transfer_room& r) : socket(r) {}

        framed_socket socket;

        bool connecting() const noexcept { return connecting_; }

    private:
        friend class stream_connector;
        bool connecting_ = false;
        std::size_t address_ = 0, untried_ = 0;
        clock::time_point began_ = clock::time_point::max();
    };

    /// Told of each in turn; may ask for another attempt.
    class observer {
    public:
        /// The set does not have it any more.
        virtual void on_connected(place&) = 0;
        /// The place is empty.
        virtual void on_connect_failed(place&, const coserve::system_error&) = 0;

    protected:
        ~observer() = default;
    };

    /// `limit`: for each connection.
    stream_connector(std::shared_ptr<const stream_target>, socket_set&, coserve::duration limit, observer&);

    const stream_target& target() const noexcept { return *target_; }

    void connect_at(clock::time_point, place&);

    /// Nothing is to be done.
    bool idle() const noexcept { return planned_.empty() && under_way_.empty(); }

    /// When `look()` has something to do.
    clock::time_point next_time() const noexcept;
    void look(clock::time_point now);
    /// The set says so of a place that is connecting.
    void on_ready(place&);

private:
    struct attempt {
        clock::time_point time;
        place* at;

        auto operator<=>(const attempt&) const = default;
    };

    bool late(const place&, clock::time_point now) const noexcept;
    void begin(place&, clock::time_point now);
    void open(place&, clock::time_point now);
    void fail(place&, const coserve::system_error&, clock::time_point now);
    void leave(place&);

    const std::shared_ptr<const stream_target> target_;
    socket_set& sockets_;
    const coserve::duration limit_;
    clock::time_point full_until_{};  // the server's queue, as far as is known
    observer& observer_;
    std::priority_queue<attempt, std::vector<attempt>, std::greater<>> planned_;
    std::vector<place*> under_way_;
};

}  // namespace coserve_bench
