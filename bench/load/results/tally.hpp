/// \file
/// What was counted in a run.
#pragma once

#include "filled_buckets.hpp"
#include "latency_histogram.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace coserve_bench {

/// A second of a run, or what there is of its last.
struct second_tally {
    std::uint64_t replies = 0;  ///< all that came in it
    std::uint64_t failed = 0;
    filled_buckets service, intended;  ///< of the requests that count and were answered in it

    second_tally& operator+=(const second_tally&);
    bool operator==(const second_tally&) const = default;
};

/// How often something was counted, by its kind.
using counts_by_kind = std::map<std::string, std::uint64_t>;

/// Of one thread, of all of them, or of several machines: sums, whichever way they are added up.
/// Requests count that were sent after the warm-up, in an open loop those whose time was after it.
struct tally {
    std::uint64_t sent = 0, completed = 0, failed = 0;
    std::uint64_t unsent = 0;   ///< open loop: their time came, and none could be sent
    std::uint64_t served = 0;   ///< replies since the warm-up, also to what was sent in it
    std::uint64_t in_time = 0;  ///< of these, before the time was over
    std::uint64_t bytes = 0;    ///< in payloads of the replies to what counts
    counts_by_kind failed_by;   ///< the failed requests, by kind

    std::uint64_t connected = 0, failed_connections = 0;
    /// What went wrong, by kind: a connection that failed is one, whatever it took with it.
    counts_by_kind errors;
    std::string first_error;  ///< a sentence

    /// What only some loads have: datagrams that were lost, came late, twice, out of order or
    /// wrong.
    std::uint64_t lost = 0, late = 0, duplicate = 0, reordered = 0, wrong = 0;

    latency_histogram service;   ///< from the sending of a request to its reply
    latency_histogram intended;  ///< from its time, where it had one
    latency_histogram slip;      ///< open loop: how late this program was with a request

    std::vector<second_tally> series;  ///< from the end of the warm-up on

    tally& operator+=(const tally&);
};

}  // namespace coserve_bench
