/// \file
/// A server on a free loopback port, in threads of its own.
#pragma once

#include <coserve/server.hpp>

#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace coserve::testing {

/// Serves from its construction on; its destruction drains and joins, and throws nothing.
class loopback_server {
public:
    /// `add` fills the registry. `query`: of the listener, at `tcp://127.0.0.1:0`. A sink in the
    /// options is called beside what `log()` keeps; the default one is not.
    loopback_server(
        const std::function<void(registry&)>& add,
        std::string_view service,
        std::string_view query = {},
        server_options = {},
        listener_hooks = {}
    );
    loopback_server(const loopback_server&) = delete;
    loopback_server& operator=(const loopback_server&) = delete;
    ~loopback_server();

    /// With the port, without the query.
    const std::string& url() const noexcept { return url_; }

    class server& server() noexcept { return server_; }

    /// Drains and waits. Throws what left `run()`.
    void stop();

    /// What was logged so far, a line each.
    std::vector<std::string> log() const;

private:
    server_options with_log(server_options);

    mutable std::mutex mutex_;
    std::vector<std::string> log_;
    class server server_;
    std::string url_;
    std::exception_ptr error_;
    std::thread thread_;
};

}  // namespace coserve::testing
