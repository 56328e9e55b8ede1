// What a server shares with its sessions: cores, listeners, counters, and the drain.
#pragma once

#include "acceptor.hpp"
#include "blocking_threads.hpp"
#include "connection_permit.hpp"
#include "datagram_listeners.hpp"
#include "datagram_permit.hpp"
#include "listener_state.hpp"
#include "session.hpp"

#include <coserve/core_pool.hpp>
#include <coserve/server.hpp>

#include <boost/asio/any_completion_handler.hpp>

#include <atomic>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace coserve {

class periodic_action;

// Its sides are in server_listen.cpp, server_admission.cpp, server_drain.cpp, and server_state.cpp,
// which has its life and what it tells. Thread: on core 0, except where it says any.
class server_state final : public std::enable_shared_from_this<server_state>, timer, resident {
public:
    explicit server_state(server_options);  // cores of its own
    server_state(io_context& host, server_options);
    ~server_state();

    class registry& registry() noexcept { return registry_; }

    std::size_t cores() const noexcept { return cores_.size(); }

    bool has_host() const noexcept { return !pool_; }

    std::vector<std::string> listen(const listen_spec&, std::string_view text, listener_hooks);
    void check(const listen_spec&, std::string_view text) const;
    void every(duration, std::function<void()>);

    void run();
    void start_serving();
    // Cancelling it is stop().
    void wait_until_done(asio::any_completion_handler<void(error_code)>);
    // The server object is gone: what still runs is cancelled.
    void abandon() noexcept;

    // Whether a drain has ended.
    bool has_ended() const noexcept { return done_; }

    // Any thread.
    void stop() noexcept;
    bool stopping() const noexcept { return stopping_.load(std::memory_order_relaxed); }
    std::optional<time_point> drain_deadline() const noexcept;
    server_stats stats() const noexcept;
    void log(const log_record&) const noexcept;
    void log_failure(std::string_view message, std::exception_ptr) const;

    // What its sessions call, on their core.
    session_list& sessions(std::size_t core) noexcept { return cores_[core]->sessions; }
    void count_failure() noexcept { failed_.fetch_add(1, std::memory_order_relaxed); }
    void count_refusal() noexcept { refused_.fetch_add(1, std::memory_order_relaxed); }

    // A connection of a listener, from wherever it comes: chooses its core and starts its session
    // there.
    void admit(const std::shared_ptr<listener_state>&, unique_fd, const endpoint& peer);
    // The test kit's: a listener that nothing listens for.
    std::shared_ptr<listener_state>
    add_listener(const listen_spec&, std::string_view text, listener_hooks);
    void start_session(std::size_t core, std::unique_ptr<transport>, connection_permit);
    // The same for datagrams: with so many places on the first core, which nothing is bound for.
    std::shared_ptr<datagram_listener> add_datagram_listener(
        const listen_spec&, std::string_view text, listener_hooks, std::size_t places
    );
    // One for each of the places. They are received from when it serves; or at once.
    void add_datagrams(
        std::shared_ptr<datagram_listener>,
        std::vector<std::unique_ptr<datagram_transport>>,
        bool at_once
    );

private:
    friend class connection_permit;
    friend class datagram_permit;

    struct core_state {
        io_context* context;
        session_list sessions;
        std::atomic<std::size_t> active = 0;
    };

    void adopt_core(io_context&);
    std::vector<std::string>
    listen_for_datagrams(const listen_spec&, std::string_view text, const listener_hooks&);
    void datagram_session_ended() noexcept;
    void post_check_done() noexcept;
    bool all_ended() const noexcept;
    core& first_core() noexcept { return core::of(*cores_[0]->context); }
    std::size_t least_loaded() const noexcept;
    void refuse(const listener_state&, const endpoint& peer, std::string_view why);
    void on_each_core(std::function<void(session&)>);
    void begin_drain();
    void expire(bool at_once);
    void stop_children();
    void end_children();
    void connection_ended() noexcept;
    void check_done() noexcept;
    void finish_serving() noexcept;
    void on_timer() noexcept override;
    void on_shutdown() noexcept override;

    const server_options options_;
    class registry registry_;
    std::shared_ptr<blocking_threads> blocking_;
    std::unique_ptr<core_pool> pool_;  // null: the host's context
    std::vector<std::unique_ptr<core_state>> cores_;
    std::list<acceptor> acceptors_;
    datagram_listeners datagrams_;
    std::list<periodic_action> actions_;
    asio::any_completion_handler<void(error_code)> waiting_;

    // Of the next, which says whether the contexts are there to be posted to.
    std::mutex mutex_;
    bool attached_ = true;
    std::atomic<bool> stopping_ = false;
    std::atomic<time_point> drain_deadline_{never};  // never: no drain has begun
    std::atomic<std::size_t> active_ = 0, datagram_sessions_ = 0;
    std::atomic<std::uint64_t> accepted_ = 0, refused_ = 0, failed_ = 0;
    log_limit caps_logged_{1};
    bool serving_ = false, draining_ = false, expired_ = false, cut_short_ = false, done_ = false;
};

}  // namespace coserve
