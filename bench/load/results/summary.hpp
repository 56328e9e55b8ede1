/// \file
/// A run, for people.
#pragma once

#include "run_result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coserve_bench {

/// A few lines: what was asked, requests and their rate, and how long replies took, in an open loop
/// from their intended time and from their sending side by side.
std::string summary(const run_result&);

/// Payload a second, and what it is: not each load is answered with what it moves.
struct payload_flow {
    std::string rate;       ///< "12.5 MiB/s"
    std::string_view what;  ///< "of replies", "uploaded"
};

/// Nothing where a load has no payload, or no time passed.
std::optional<payload_flow> payload_flow_of(const run_result&);

/// One line that says how many connections and requests failed, by kind, and why the first did;
/// empty where none did.
std::string failures(const run_result&);

/// What makes the figures say less than they seem to: this program was the limit, or the rate was
/// not held.
std::vector<std::string> warnings(const run_result&);

/// Without its query; empty where the plan has none.
std::string plan_url(const boost::json::object& plan);

/// What was asked, in a line.
std::string plan_line(const boost::json::object& plan);

/// A value of a plan, as it would be written on a command line.
std::string plan_text(const boost::json::value&);

}  // namespace coserve_bench
