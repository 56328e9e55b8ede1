// One datagram handler on its core, from its start to its end.
#pragma once

#include "datagram_channel.hpp"
#include "datagram_permit.hpp"
#include "root_coroutine.hpp"

#include <coserve/datagram_handler.hpp>
#include <coserve/logger.hpp>
#include <coserve/server.hpp>
#include <coserve/task_group.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>

namespace coserve {

// Owned by its coroutines. Thread: on its core.
class datagram_session final : public std::enable_shared_from_this<datagram_session>,
                               datagram_observer,
                               timer {
public:
    // The permit counts it until it is gone.
    static void start(core&, std::unique_ptr<datagram_transport>, datagram_permit);

    datagram_session(core&, std::unique_ptr<datagram_transport>, datagram_permit);
    datagram_session(const datagram_session&) = delete;
    datagram_session& operator=(const datagram_session&) = delete;
    ~datagram_session();

    datagram_port& port() noexcept { return port_; }

    datagram_handler& handler() noexcept { return *handler_; }

    core& where() const noexcept { return core_; }

    const datagram_permit& permit() const noexcept { return permit_; }

    task_group& tasks();
    void tick_every(duration);
    std::size_t post_to_others(const std::function<void(datagram_handler&)>&);
    // A call from another core has come.
    void call(const std::function<void(datagram_handler&)>&) noexcept;
    void
    log(log_level, std::string_view message, std::string_view reason, const endpoint* peer = nullptr
    ) noexcept;

    void begin_drain();
    // Cancels what runs: what is queued is tried once more.
    void expire() noexcept;

private:
    friend class root_scope<datagram_session>;

    enum class phase : std::uint8_t { receiving, joining, flushing, closed };

    static root_coroutine run(std::shared_ptr<datagram_session> self);
    bool set_up();
    void abandon() noexcept;
    void dropped() noexcept {}  // its context ends
    task<> wait_until(bool (datagram_session::*done)() const);
    task<> join();
    void finish() noexcept;
    void close() noexcept;

    bool has_received_all() const noexcept { return phase_ != phase::receiving; }

    bool has_sent_all() const noexcept { return expired_ || channel_->flushed(); }

    void end_receiving() noexcept;
    void wake() noexcept;
    int receive() noexcept;
    void deliver(const datagram&) noexcept;
    void report(std::string_view message, const std::exception_ptr&, const endpoint* peer) noexcept;
    void report_drops() noexcept;
    void on_readable() override;
    void on_flushed() noexcept override { wake(); }
    void on_refusal(const endpoint& peer, int error) noexcept override;
    void on_shutdown() noexcept override;
    void on_timer() noexcept override;

    // What it throws is the handler's mistake, and no more than logged.
    template <class F>
    void guarded(std::string_view message, const endpoint* peer, F call) noexcept {
        try {
            call();
        } catch (...) {
            report(message, std::current_exception(), peer);
        }
    }

    core& core_;
    const datagram_permit permit_;
    datagram_channel::owner channel_;
    datagram_port port_;
    std::unique_ptr<datagram_handler> handler_;
    std::unique_ptr<task_group> tasks_;
    asio::cancellation_signal stop_;
    asio::any_completion_handler<void(error_code)> waiting_;
    duration tick_interval_{};
    std::uint64_t drops_told_ = 0, failures_told_ = 0;
    phase phase_ = phase::receiving;
    bool draining_ = false, expired_ = false;
};

}  // namespace coserve
