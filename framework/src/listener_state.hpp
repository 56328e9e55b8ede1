// One listener: what its connections are made of, and its caps.
#pragma once

#include "log_limit.hpp"

#include <coserve/framing.hpp>
#include <coserve/limits.hpp>
#include <coserve/registry.hpp>
#include <coserve/server.hpp>
#include <coserve/url.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace coserve {

// What a listener's URL says. Constant once read.
struct listener_options {
    stream_limits limits;
    framing codecs;
    std::size_t max_connections = 10'000;
    std::size_t max_connections_per_peer = 0;
    int backlog = 4096;
    handler_factory make_handler;
    std::function<void()> start;

    // Reads all keys, the service's included, and refuses what nobody knows.
    static listener_options read(option_reader&, const registry&, std::string_view service);
};

// Connections by source address. Thread: any.
class peer_counts {
public:
    // False: `most` are there already.
    bool enter(const std::string& address, std::size_t most);
    void leave(const std::string& address) noexcept;

private:
    std::mutex mutex_;
    std::unordered_map<std::string, std::size_t> counts_;
};

// One for each address. Thread: constant but for the counters, which are any thread's.
struct listener_state {
    std::string url, service;
    listener_options options;
    std::shared_ptr<const stream_limits> limits;
    listener_hooks hooks;
    std::atomic<std::size_t> active = 0;
    log_limit drops_logged{10};
    peer_counts peers;
};

// `SERVICE=URL`, taken apart. Errors: configuration_error.
struct listen_spec {
    std::string service;
    endpoint_url url;

    explicit listen_spec(std::string_view text);
};

}  // namespace coserve
