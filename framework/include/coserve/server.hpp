/// \file
/// A server: listeners, the cores they run on, and how it stops.
#pragma once

#include <coserve/io.hpp>
#include <coserve/logger.hpp>
#include <coserve/registry.hpp>
#include <coserve/server_handle.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coserve {

struct server_options {
    /// Threads, each with an io_context of its own; 0: as many as the affinity mask has. At most
    /// 1024.
    unsigned cores = 0;
    bool pin = false;  ///< each to one processor of the affinity mask
    /// From `stop()` until what still runs is cancelled; 0: at once, and not negative.
    duration drain_timeout = std::chrono::seconds(10);
    std::size_t max_connections = 0;  ///< of all listeners together; 0: no limit
    /// For `run_blocking`, started when first used; 1 to 1024.
    unsigned blocking_threads = 4;
    log_sink log = log_to_stderr;
};

struct peer_info {
    const endpoint& remote;
    std::string_view listener;  ///< its URL without the query
    std::string_view service;
};

/// Thread: called on the connection's or the datagram's core, so from several threads at once.
struct listener_hooks {
    /// false: the connection is closed at once, or the datagram dropped. Unset: all are admitted.
    std::function<bool(const peer_info&)> verify_request;
    /// What ended a connection, after it was logged; or what left a datagram handler, where the
    /// peer is the datagram's sender, or nobody.
    std::function<void(const peer_info&, std::exception_ptr)> handle_error;
};

class listener {
public:
    /// With the real port, without the query: `tcp://127.0.0.1:7700`. Of the first address where a
    /// name has several.
    std::string url() const { return urls_.front(); }

    /// One for each address that the host name resolved to.
    const std::vector<std::string>& urls() const& noexcept { return urls_; }

    std::vector<std::string> urls() && noexcept { return std::move(urls_); }

private:
    friend class server;

    explicit listener(std::vector<std::string> urls) : urls_(std::move(urls)) {}

    std::vector<std::string> urls_;
};

/// Lifetime: a server that is destroyed cancels what still runs; that owns what it needs, and ends
/// in its context's next turns or with it. Server and context may be destroyed in either order.
class server {
public:
    /// On cores of its own, which `run()` runs.
    /// Errors: `configuration_error` for an option out of its range.
    explicit server(server_options = {});
    /// On the host's context, which must be run by one thread: no signals, no threads. `serve()`
    /// runs it; `cores` and `pin` do not apply.
    /// Errors: also `errc::wrong_executor` where it is not an io_context's own executor.
    explicit server(asio::any_io_executor host, server_options = {});
    server(const server&) = delete;
    server& operator=(const server&) = delete;
    ~server();

    class registry& registry() noexcept;

    /// `SERVICE=URL`, the URL's query being the options of the listener, its framing and the
    /// service. Binds now. Before `run()` or `serve()`.
    /// Errors: `configuration_error` that names what is wrong; `boost::system::system_error` where
    /// it cannot bind.
    listener listen(std::string_view service_and_url, listener_hooks = {});
    /// All that `listen()` checks, without binding.
    void check(std::string_view service_and_url) const;

    /// Runs `action` on core 0, the first time after one interval. What it throws is logged.
    void every(duration interval, std::function<void()> action);

    /// Serves on the own cores, the calling thread being core 0, until `stop()`, SIGINT or SIGTERM
    /// has ended in a drain. A signal during the drain, whatever began it, ends it at once.
    /// Restores the signals' former actions.
    void run();
    /// Serves on the host's context until `stop()` has ended in a drain.
    /// Cancellation: as `stop()`.
    task<> serve();

    /// Begins the drain and returns at once. Thread: any, any handler, signal handlers not.
    void stop() noexcept;

    /// How many cores it runs on.
    std::size_t cores() const noexcept;
    server_stats stats() const noexcept;
    /// A weak reference, for other threads.
    server_handle handle() const noexcept;

    /// For the framework's test kit: what stands behind a server.
    server_state& state() const noexcept { return *state_; }

private:
    std::shared_ptr<server_state> state_;
};

}  // namespace coserve
