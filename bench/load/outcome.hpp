/// \file
/// What came of a run: counted by each thread for itself, then added up.
#pragma once

#include "error_kind.hpp"
#include "results/latency_histogram.hpp"

#include <coserve/units.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace coserve_bench {

/// Requests count that were sent after the warm-up. A connection that fails is not made again, and
/// what it has under way fails with it.
struct outcome {
    std::uint64_t completed = 0, failed = 0;
    std::uint64_t served = 0;   ///< replies since the warm-up, also to what was sent in it
    std::uint64_t in_time = 0;  ///< of these, before the time was over
    /// Over UDP: no reply came in time; one came after that; or it was not that to its request.
    std::uint64_t lost = 0, late = 0, wrong = 0;
    latency_histogram service;                    ///< from the sending of a request to its reply
    latency_histogram intended;                   ///< from its time, where it had one
    std::map<std::string, std::uint64_t> errors;  ///< connections that failed, by kind
    std::string first_error;                      ///< a sentence
    std::uint64_t connected = 0;

    std::uint64_t failed_connections() const {
        std::uint64_t all = 0;
        for (const auto& [kind, count] : errors)
            all += count;
        return all;
    }

    void add_error(const std::string& kind, const std::string& sentence) {
        ++errors[kind];
        if (first_error.empty())
            first_error = sentence;
    }

    void add_error(error_kind kind, const std::string& sentence) {
        add_error(std::string(name_of(kind)), sentence);
    }

    outcome& operator+=(const outcome& o) {
        completed += o.completed;
        failed += o.failed;
        served += o.served;
        in_time += o.in_time;
        lost += o.lost;
        late += o.late;
        wrong += o.wrong;
        service += o.service;
        intended += o.intended;
        connected += o.connected;
        for (const auto& [kind, count] : o.errors)
            errors[kind] += count;
        if (first_error.empty())
            first_error = o.first_error;
        return *this;
    }
};

struct result {
    outcome counts;
    coserve::duration elapsed{};  ///< from the end of the warm-up to the end of the time
    std::optional<coserve::duration> server_cpu;  ///< used by the server for what was served
    coserve::duration own_cpu{};                  ///< used by this program meanwhile

    double seconds() const { return std::chrono::duration<double>(elapsed).count(); }
    double rate() const {
        return elapsed.count() == 0 ? 0 : static_cast<double>(counts.in_time) / seconds();
    }
};

}  // namespace coserve_bench
