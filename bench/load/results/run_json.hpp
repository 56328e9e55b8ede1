/// \file
/// A run as JSON, written and read.
#pragma once

#include "json_value.hpp"
#include "run_result.hpp"

#include <boost/json/object.hpp>

#include <string>
#include <string_view>

namespace coserve_bench {

/// One object; its members are described in bench/README.md. It has all of the run but its samples.
boost::json::object run_json(const run_result&);

/// The run that a value is. What follows from the rest (percentiles, rates) is not read.
///
/// Errors: `coserve::configuration_error`, which says what is wrong, and where.
run_result run_of(const json_value&);

/// The same of a document that is called `name`.
run_result parse_run(std::string_view text, const std::string& name);

/// The same of a file.
run_result read_run(const std::string& path);

}  // namespace coserve_bench
