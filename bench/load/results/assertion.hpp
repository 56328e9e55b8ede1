/// \file
/// What a run must show.
#pragma once

#include "run_result.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace coserve_bench {

/// Of what users felt: latencies count from the intended time in an open loop.
///
///     p99<5ms   p99.9<=20ms   max<1s   mean<800us   rate>10000   errors=0   errors<0.1%
class assertion {
public:
    /// Errors: `coserve::configuration_error`, which says what is wrong with `text`.
    static assertion parse(std::string_view text);

    bool holds(const run_result&) const;

    /// As it was written, and what came instead: `p99<5ms: p99 was 12.1ms`.
    std::string failure(const run_result&) const;

    const std::string& text() const noexcept { return text_; }

    /// The bound, where it is a latency's.
    std::optional<coserve::duration> latency_bound() const;
    /// Of that latency; 1 for the maximum.
    double fraction() const noexcept { return fraction_; }

private:
    enum class metric : unsigned char { quantile, mean, rate, errors, error_share };

    void parse_metric(std::string_view name);
    void parse_bound(std::string_view text);
    [[noreturn]] void refuse(const std::string& why) const;
    std::optional<double> value(const run_result&) const;
    std::string readable_value(const run_result&) const;

    std::string text_, name_, comparison_;
    metric metric_ = metric::quantile;
    double fraction_ = 0;
    double bound_ = 0;  // of latencies in seconds
};

/// Requests that failed, were lost or never sent, and connections that failed.
std::uint64_t failures_in(const tally&) noexcept;

}  // namespace coserve_bench
