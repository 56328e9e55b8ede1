// One datagram socket on its core: what it received last, what waits to be sent, and when.
#pragma once

#include "core.hpp"
#include "datagram_batch.hpp"
#include "datagram_counters.hpp"
#include "datagram_queue.hpp"
#include "datagram_transport.hpp"

#include <coserve/datagram.hpp>
#include <coserve/limits.hpp>

#include <cstddef>
#include <memory>
#include <span>

namespace coserve {

// Thread: on the channel's core. Each may let the channel go.
class datagram_observer {
public:
    virtual void on_readable() = 0;
    // All that was queued is gone, after it could not be sent at once.
    virtual void on_flushed() noexcept = 0;
    virtual void on_refusal(const endpoint& peer, int error) noexcept = 0;
    // The context ends: the channel is closed, and its core is not to be touched any more.
    virtual void on_shutdown() noexcept = 0;

protected:
    ~datagram_observer() = default;
};

// Frees itself after it was let go. Thread: on its core.
class datagram_channel final : watcher, turn_end, resident {
public:
    struct let_go {
        void operator()(datagram_channel* c) const noexcept { c->end(); }
    };

    using owner = std::unique_ptr<datagram_channel, let_go>;

    // Errors: boost::system::system_error.
    static owner
    open(core&, std::unique_ptr<datagram_transport>, const datagram_limits&, datagram_counters&, datagram_observer&);

    // One batch: how many datagrams, or an errno below zero.
    int receive() noexcept;
    datagram_batch& received() noexcept { return batch_; }
    // on_readable() in the next turn, whatever the socket says.
    void read_later();
    void stop_arrivals() noexcept { transport_->stop_arrivals(); }

    bool send(const endpoint& to, const endpoint* from, frame_view);
    std::size_t send(std::span<const endpoint> to, const endpoint* from, frame_view);
    // True: nothing waits any more.
    bool flush() noexcept;
    bool flushed() const noexcept { return queue_.empty(); }

    int last_failure() const noexcept { return queue_.last_failure(); }

    // Nothing is received or sent any more.
    void close() noexcept;

    core& where() const noexcept { return *core_; }
    bool has_core() const noexcept { return core_ != nullptr; }
    datagram_counters& counters() noexcept { return counters_; }
    const datagram_counters& counters() const noexcept { return counters_; }
    std::uint64_t drops(const endpoint& peer) const noexcept { return queue_.drops(peer); }
    const endpoint& local() const noexcept { return transport_->local(); }

private:
    datagram_channel(core&, std::unique_ptr<datagram_transport>, const datagram_limits&, datagram_counters&, datagram_observer&);
    ~datagram_channel() = default;

    void end() noexcept;
    void free() noexcept;
    void ask_flush();
    void read_refusals() noexcept;
    void on_ready(std::uint32_t events) override;
    void on_turn_end() noexcept override;
    void on_shutdown() noexcept override;

    core* core_;  // null after its end
    std::unique_ptr<datagram_transport> transport_;
    datagram_counters& counters_;
    datagram_observer* observer_;
    datagram_batch batch_;
    datagram_queue queue_;
    bool turn_end_asked_ = false, closed_ = false, dead_ = false;
};

}  // namespace coserve
