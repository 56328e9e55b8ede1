/// \file
/// Runs at growing rates, and where they are too many.
#pragma once

#include "assertion.hpp"
#include "run_result.hpp"

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <vector>

namespace coserve_bench {

struct sweep_result {
    assertion until;  ///< holds where the server cannot go on: p99>5ms
    std::vector<run_result> steps{};

    /// What it was asked for.
    static double asked(const run_result&);

    /// Whether so many are too many: `until` holds, or too few replies came.
    bool broken_by(const run_result&) const;

    /// The largest rate that is not too large, and below the least that is.
    const run_result* best() const;
    const run_result* first_broken() const;

    /// By their rate.
    std::vector<const run_result*> in_order() const;

    /// A sentence.
    std::string conclusion() const;
};

/// One object with all runs in it; its members are described in bench/README.md.
boost::json::object sweep_json(const sweep_result&);

/// For people: a line for each step.
std::string sweep_table(const sweep_result&);

/// The rates of a sweep, one after the other.
class sweep_rates {
public:
    /// From `from` on each is `factor` times the one before, up to `to`; when one was too many, the
    /// gap is halved `refinements` times.
    sweep_rates(double from, double to, double factor, int refinements)
        : next_(from), to_(to), factor_(factor), refinements_(refinements) {}

    /// nullopt: there is no more to try.
    std::optional<double> next();
    /// What came of that.
    void tell(bool broken);

private:
    double next_, to_, factor_;
    int refinements_;
    double last_ = 0;
    std::optional<double> good_, broken_;
};

}  // namespace coserve_bench
