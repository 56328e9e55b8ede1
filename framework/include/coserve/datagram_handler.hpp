/// \file
/// What a service of datagrams derives from: one object per core and listener.
#pragma once

#include <coserve/datagram.hpp>
#include <coserve/datagram_port.hpp>
#include <coserve/logger.hpp>
#include <coserve/server_handle.hpp>
#include <coserve/sleep.hpp>
#include <coserve/task_group.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace coserve {

class datagram_session;

/// One object per core and listener: its members are that core's state, and need no lock. The
/// kernel gives each peer (address and port) to one core, as long as the listener lives.
///
///     class shout final : public coserve::datagram_handler {
///         void handle(const coserve::datagram& d) override { reply(d, to_upper(d.data)); }
///     };
///
/// Its life: `setup()`, `handle()` for each datagram, then in a drain, once all that had arrived
/// was handled, `drain()`, its tasks joined (at the drain's deadline they are cancelled),
/// `finish()`, what is queued sent, and its socket closed.
///
/// Errors: an exception that leaves `handle()`, `tick()` or one of the tasks is logged (a few times a
/// second), counted, and given to the listener's `handle_error`, and the next datagram is handled.
/// One that leaves `setup()` ends this listener on this core, and its peers are the other cores'
/// then.
/// Thread: all of it on its core.
/// Lifetime: the members below may be used from `setup()` on, not in the constructor. It is the
/// same object as long as the server runs, so bound what you keep for peers.
class datagram_handler {
public:
    datagram_handler() = default;
    datagram_handler(const datagram_handler&) = delete;
    datagram_handler& operator=(const datagram_handler&) = delete;
    virtual ~datagram_handler() = default;

    /// On each core, before its first datagram.
    virtual void setup() {}

    /// Once per datagram, which is valid during the call: longer work is spawned, with a copy. The
    /// core does nothing else meanwhile.
    virtual void handle(const datagram&) = 0;

    /// The network said that what was sent to this peer did not arrive, such as
    /// `connection_refused`, where nobody has that port open. It says so for few of those that are
    /// lost, and anybody on the way could say it. It is told on the core that the peer belongs to,
    /// whichever one sent.
    virtual void unreachable(const endpoint& peer, const error_code& why);

    /// As often as `tick_every()` says; from `setup()` until the drain.
    virtual void tick() {}

    /// A drain has begun, and all that had arrived was handled. Tasks that go on for ever are to be
    /// ended here: `tasks().cancel()`.
    virtual void drain() {}

    /// The last call, whenever `setup()` returned and its core still runs. What it sends goes out
    /// before the end, as far as the drain's deadline allows.
    virtual void finish() {}

protected:
    datagram_port& port() noexcept;

    bool reply(const datagram& to, frame_view f) { return port().reply(to, f); }

    bool send(const endpoint& to, frame_view f) { return port().send(to, f); }

    bool send(const endpoint& to, frame_view f, const endpoint& from) {
        return port().send(to, f, from);
    }

    std::size_t send(std::span<const endpoint> to, frame_view f) { return port().send(to, f); }

    std::size_t send(std::span<const endpoint> to, frame_view f, const endpoint& from) {
        return port().send(to, f, from);
    }

    /// Coroutines on this core. They share nothing but the handler: one's error disturbs no other.
    /// A drain waits for them.
    task_group& tasks() noexcept;
    task<> sleep(duration);
    /// The time on the core's clock, which is manual in tests.
    time_point now() const noexcept;
    /// Calls `tick()` after each such interval from now on; 0: no more. Usually in `setup()`.
    void tick_every(duration);

    server_handle server() const;
    /// One line of the server's log that names the listener and the service.
    void log(log_level, std::string_view message, std::string_view reason) const noexcept;

    /// This handler's place among its siblings: 0 up to `siblings()`, itself not counted.
    std::size_t core() const noexcept;
    std::size_t siblings() const noexcept;

    /// Calls `function(Self&)` on each other core with that core's handler, later, in the order of
    /// the calls from here; each gets a copy of the function. `on_other_cores(*this, …)`.
    ///
    /// Gives the number of siblings that it is on the way to: one that has 65 536 such calls
    /// waiting gets no more, and the call is counted as dropped. A sibling whose `setup()` failed,
    /// or which has finished, does nothing.
    template <class Self, std::copy_constructible F>
        requires std::derived_from<Self, datagram_handler> && std::invocable<F&, Self&>
    std::size_t on_other_cores([[maybe_unused]] Self& self, F function) {
        return post_to_others([function = std::move(function)](datagram_handler& there) mutable {
            function(static_cast<Self&>(there));
        });
    }

private:
    friend class datagram_session;

    std::size_t post_to_others(std::function<void(datagram_handler&)>);

    datagram_session* session_ = nullptr;
};

}  // namespace coserve
