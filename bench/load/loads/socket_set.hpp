/// \file
/// What a thread's sockets are waited for with.
#pragma once

#include <coserve/units.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

#include <sys/epoll.h>

namespace coserve_bench {

/// Sockets, each with what it belongs to. Level-triggered: what is left is told again.
class socket_set {
public:
    /// Errors: `coserve::system_error`.
    socket_set();
    socket_set(const socket_set&) = delete;
    socket_set& operator=(const socket_set&) = delete;
    ~socket_set();

    /// `events` are epoll's. A socket that is closed leaves the set; what was told with it may
    /// still be under way in `wait()`.
    void add(int socket, std::uint32_t events, void* owner);
    void change(int socket, std::uint32_t events, void* owner);
    void remove(int socket);

    /// Calls `ready(owner, events)` for each that is ready, while the next owner's first bytes come
    /// into the processor's cache. Returns when that is done, or `limit` is over, to the
    /// microsecond.
    template <class Ready>
    void wait(coserve::duration limit, Ready ready) {
        const int count = wait(limit);
        for (int i = 0; i < count; ++i) {
            if (i + 1 < count)
                prefetch(events_[i + 1].data.ptr);
            ready(events_[i].data.ptr, events_[i].events);
        }
    }

private:
    static void prefetch(const void* owner) noexcept {
        constexpr std::size_t first_bytes = 256, line = 64;
        for (std::size_t at = 0; at < first_bytes; at += line)
            __builtin_prefetch(static_cast<const char*>(owner) + at);
    }

    void control(int operation, int socket, std::uint32_t events, void* owner);
    int wait(coserve::duration limit);
    int take(int milliseconds);

    int set_;
    std::array<epoll_event, 512> events_;
};

}  // namespace coserve_bench
