// One listener of datagrams: what its handlers are made of, and its place on each core.
#pragma once

#include "datagram_counters.hpp"
#include "log_limit.hpp"

#include <coserve/limits.hpp>
#include <coserve/registry.hpp>
#include <coserve/server.hpp>

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>

namespace coserve {

class datagram_session;
class server_state;

// What its URL says. Constant once read.
struct datagram_listener_options {
    datagram_limits limits;
    datagram_handler_factory make_handler;
    std::function<void()> start;

    // Reads all keys, the service's included, and refuses what nobody knows.
    static datagram_listener_options
    read(option_reader&, const registry&, std::string_view service);
};

// One for each address. Thread: constant but for the places, whose members say.
struct datagram_listener : std::enable_shared_from_this<datagram_listener> {
    struct place {
        explicit place(io_context& c) : context(&c) {}

        io_context* context;
        datagram_session* session = nullptr;  // that core's
        datagram_counters counters;           // written on that core
        std::atomic<std::size_t> calls = 0;   // from other cores, on their way to it; any thread
    };

    std::string url, service;
    datagram_listener_options options;
    listener_hooks hooks;
    log_limit errors_logged{5}, drops_logged{1};
    std::deque<place> places;

    // Calls it on that core, later, where there is a session. Thread: on any core.
    void visit(std::size_t where, std::function<void(datagram_session&)>);
    // The same for what peers can make happen. False: too many wait there, or the contexts end.
    bool call(std::size_t where, std::function<void(datagram_session&)>);

    // From here on no context is posted to. No core runs.
    void detach() noexcept { attached_ = false; }

    // Thread: any.
    datagram_stats stats() const noexcept;

private:
    bool attached_ = true;
};

}  // namespace coserve
