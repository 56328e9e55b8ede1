/// \file
/// What a run does.
#pragma once

#include "size_distribution.hpp"

#include <coserve/units.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace coserve_bench {

enum class load_kind : unsigned char {
    echo,     ///< frames or datagrams that come back
    connect,  ///< a connection is a request
    idle,     ///< connections that are held, and nothing else
    exec,     ///< commands
    upload,   ///< files
    chat      ///< members of rooms who speak; a delivery is a reply
};

std::string_view name_of(load_kind) noexcept;

/// Connections that one thread makes at once.
inline constexpr std::size_t connects_at_once = 64;

enum class verification : unsigned char {
    off,
    length,  ///< what is cheap: a reply is as long as its request
    full     ///< and is the request or its ASCII upper case, in the order of the requests
};

std::string_view name_of(verification) noexcept;

/// Without a rate a closed loop: each connection keeps `depth` requests under way, and a reply is
/// what sends the next one. With a rate an open loop: each request has its time and its connection,
/// whatever the server does; where that one has `depth` under way it waits here, and its latency
/// counts from its time.
///
/// A run connects, ramps up, warms up, and then counts until its time or its requests are over.
struct plan {
    load_kind load = load_kind::echo;
    std::string url;         ///< what `coserve::connect` gets
    std::string name;        ///< the same without the query, for people
    bool raw = false;        ///< no framing: a reply is as many bytes as its request
    bool datagrams = false;  ///< over UDP: a reply may not come
    std::size_t connections = 64;
    std::size_t depth = 1;
    std::size_t threads = 1;                ///< at most one for each connection
    double rate = 0;                        ///< requests a second in all; 0: a closed loop
    double connect_rate = 0;                ///< connections a second; 0: as fast as they come
    size_distribution sizes;                ///< of requests' payloads
    coserve::duration time{};               ///< how long is counted
    std::optional<std::uint64_t> requests;  ///< instead of `time`: how many are counted
    coserve::duration ramp{};     ///< connections and the rate grow over it; nothing counts
    coserve::duration warmup{};   ///< after that, before anything counts
    coserve::duration timeout{};  ///< to connect, and for any reply; over UDP it is lost then
    /// How long a lost connection is tried again without a reply; 0: it is not.
    coserve::duration reconnect{};
    verification verify = verification::length;
    std::uint64_t seed = 1;     ///< of sizes
    std::optional<pid_t> pid;   ///< the server's, whose CPU time and memory are sampled
    bool keep_samples = false;  ///< every latency is kept, for whoever wants to look at each

    std::string wire;                  ///< exec, upload: which format
    std::vector<std::string> command;  ///< exec
    bool shell = false;                ///< exec: `command` is one text for the server's shell
    std::size_t rooms = 1;             ///< chat: that share the members
    bool echoes = false;               ///< connect: each connection has one request and its reply
    bool resets = false;               ///< connect: and ends by a reset
};

}  // namespace coserve_bench
