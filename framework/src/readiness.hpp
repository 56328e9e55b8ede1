// One edge-triggered epoll set per core, itself watched by Asio: tells sockets that they became
// readable or writable.
#pragma once

#include "edge_wait.hpp"
#include "unique_fd.hpp"

#include <coserve/io.hpp>

#include <cstdint>
#include <vector>

namespace coserve {

class core;

// What is told of a descriptor's events. It lives on to the end of the turn in which it was
// removed.
class watcher {
public:
    watcher(const watcher&) = delete;
    watcher& operator=(const watcher&) = delete;

    // `events` as epoll gives them, in a turn. An exception is thrown out of the context's run(),
    // after the turn.
    virtual void on_ready(std::uint32_t events) = 0;

protected:
    watcher() = default;
    ~watcher() = default;

private:
    friend class readiness;
    bool watched_ = false;
    std::uint32_t later_ = 0;  // events to be told in the next turn
};

// Thread: on one core.
class readiness final : edge_wait::observer {
public:
    explicit readiness(core&);

    // Tells of IN, PRI, OUT and RDHUP, each at its edge. Errors: boost::system::system_error.
    void add(int descriptor, watcher&);
    // Before the descriptor is closed: close() takes nothing out of the set while a child between
    // vfork and exec still holds it.
    void remove(int descriptor, watcher&) noexcept;

    // Without: tells nothing of input. With it again: its state as it is then is an edge.
    void watch_input(int descriptor, watcher&, bool with) noexcept;

    // The same for what has no descriptor, and tells of its edges itself.
    void add(watcher&) noexcept;
    void remove(watcher&) noexcept;

    // Tells of these events in the next turn, whatever epoll says.
    void tell_later(watcher&, std::uint32_t events);

    // What is told later is told in a turn of its own.
    void end_turn();

    std::size_t watched() const noexcept { return watched_; }

    // Nothing is watched any more: lets the context's run() return.
    void stop_waiting() noexcept;
    void shutdown() noexcept;

private:
    void on_edge() override;
    void on_cancelled() override;
    void wait_on() noexcept;
    void turn();
    void post_turn();
    void tell(watcher&, std::uint32_t events) noexcept;

    core& core_;
    unique_fd set_;
    edge_wait wait_;
    std::size_t watched_ = 0;
    std::vector<watcher*> later_, telling_;
    bool posted_ = false;
};

}  // namespace coserve
