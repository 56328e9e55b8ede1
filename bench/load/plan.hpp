/// \file
/// What a run does.
#pragma once

#include <coserve/units.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

namespace coserve_bench {

enum class verification : unsigned char {
    off,
    length,  ///< a reply is as long as its request
    full     ///< and is the request or its ASCII upper case, in the order of the requests
};

/// Without a rate a closed loop: each connection keeps `depth` requests under way, and a reply is
/// what sends the next one. With a rate an open loop: each request has its time, whatever the
/// server does; where all connections have `depth` under way it waits here, and its latency counts
/// from its time.
struct plan {
    std::string url;         ///< what `coserve::connect` gets
    std::string name;        ///< the same without the query, for people
    bool raw = false;        ///< no framing: a reply is as many bytes as its request
    bool datagrams = false;  ///< over UDP: a reply may not come
    std::size_t connections = 64;
    std::size_t depth = 1;
    double rate = 0;           ///< requests a second, of all connections together; 0: a closed loop
    std::size_t size = 64;     ///< of a request's payload, in bytes
    std::size_t threads = 1;   ///< at most one for each connection
    coserve::duration time{};  ///< how long requests are sent, after the warm-up
    coserve::duration warmup{};             ///< before anything is counted
    std::optional<std::uint64_t> requests;  ///< instead of `time`: how many are sent
    coserve::duration timeout{};  ///< to connect, and for any reply; over UDP it is lost then
    verification verify = verification::length;
    std::optional<pid_t> pid;  ///< the server's, whose CPU time is counted
};

}  // namespace coserve_bench
