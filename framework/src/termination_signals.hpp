// SIGINT and SIGTERM, while a server runs.
#pragma once

#include <coserve/io.hpp>

#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <functional>

namespace coserve {

// Calls `arrived()` on the context for each of them. Its destruction restores the actions that they
// had, which Asio does not.
class termination_signals {
public:
    termination_signals(io_context&, std::function<void()> arrived);
    termination_signals(const termination_signals&) = delete;
    termination_signals& operator=(const termination_signals&) = delete;

private:
    class saved_actions {
    public:
        saved_actions() noexcept;
        saved_actions(const saved_actions&) = delete;
        saved_actions& operator=(const saved_actions&) = delete;
        ~saved_actions();

    private:
        struct sigaction interrupt_, terminate_;
    };

    void wait();

    saved_actions saved_;  // outlives the set
    asio::signal_set signals_;
    std::function<void()> arrived_;
};

}  // namespace coserve
