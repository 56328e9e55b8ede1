/// \file
/// A run, when it is over: all that is written down, shown and compared.
#pragma once

#include "sample.hpp"
#include "tally.hpp"

#include <coserve/units.hpp>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace coserve_bench {

/// The server's process, as it was so long after the warm-up.
struct server_sample {
    coserve::duration at{};
    coserve::duration cpu{};   ///< used since the warm-up
    std::uint64_t memory = 0;  ///< private, resident, in bytes

    bool operator==(const server_sample&) const = default;
};

/// What a server's memory has to do with connections that only wait.
struct idle_memory {
    std::uint64_t connections = 0;        ///< held at the end
    std::uint64_t before = 0, after = 0;  ///< the server's, in bytes; 0: nobody looked

    bool operator==(const idle_memory&) const = default;
};

struct run_result {
    boost::json::object plan;  ///< what was asked, as it stands in the report
    tally counts;
    coserve::duration elapsed{};  ///< from the end of the warm-up to the end of the time
    coserve::duration own_cpu{};  ///< used by this program meanwhile
    double busiest_thread = 0;    ///< its share of a processor, 0 to 1
    std::optional<coserve::duration> server_cpu;  ///< used by the server for what was served
    std::vector<server_sample> server;            ///< in the order of time
    std::optional<idle_memory> idle;
    std::vector<std::string> limits;  ///< sentences: why this program was the limit, no server
    std::vector<sample> samples;      ///< all of them, where the plan keeps them

    double seconds() const { return std::chrono::duration<double>(elapsed).count(); }

    /// Replies a second.
    double rate() const {
        return elapsed.count() == 0 ? 0 : static_cast<double>(counts.in_time) / seconds();
    }

    bool open_loop() const { return counts.intended.count() != 0; }

    /// Replies may be lost.
    bool plan_has_datagrams() const {
        const boost::json::value* url = plan.if_contains("url");
        return url && url->is_string() && url->get_string().starts_with("udp:");
    }

    /// What users of the server felt: in an open loop from the time of a request on.
    const latency_histogram& latency() const {
        return open_loop() ? counts.intended : counts.service;
    }
};

}  // namespace coserve_bench
