// What stands behind a datagram_socket.
#pragma once

#include "datagram_channel.hpp"
#include "stored_handler.hpp"

#include <coserve/datagram_socket.hpp>

#include <boost/asio/any_completion_handler.hpp>

#include <memory>
#include <optional>

namespace coserve {

// Thread: on its core.
class datagram_socket_state final : datagram_observer, timer {
public:
    // `peer`: whom it speaks with; the transport takes nothing from others.
    datagram_socket_state(core&, std::unique_ptr<datagram_transport>, const endpoint& peer, const datagram_limits&);
    datagram_socket_state(const datagram_socket_state&) = delete;
    datagram_socket_state& operator=(const datagram_socket_state&) = delete;
    ~datagram_socket_state();

    bool send(frame_view);
    std::optional<datagram> try_receive();
    task<std::optional<datagram>> receive(duration limit);

    const endpoint& peer() const noexcept { return peer_; }

    const endpoint& local() const noexcept { return channel_->local(); }

    datagram_stats stats() const noexcept { return counters_.read(); }

private:
    using handler = asio::any_completion_handler<void(error_code)>;

    void wait(handler, time_point until);
    void complete(error_code);
    void on_readable() override;
    void on_flushed() noexcept override {}
    void on_refusal(const endpoint& peer, int error) noexcept override;
    void on_shutdown() noexcept override;
    void on_timer() noexcept override;

    core& core_;
    const endpoint peer_;
    datagram_counters counters_;
    datagram_channel::owner channel_;
    handler waiting_;
    unsigned next_ = 0;  // of the batch
    int refusal_ = 0;    // an errno that nobody was told
    bool readable_ = true;
};

}  // namespace coserve
