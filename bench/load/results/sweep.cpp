#include "sweep.hpp"

#include "percentiles.hpp"
#include "run_json.hpp"
#include "text.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace coserve_bench {

namespace {

/// With fewer of the replies that were asked for nobody speaks of a rate that is held.
constexpr double fewest_replies = 0.9;

std::string padded(std::string text, std::size_t width) {
    text.insert(0, width - std::min(width, text.size()), ' ');
    return text;
}

/// Of large rates nobody wants fractions.
double rounded(double rate) {
    return rate < 100 ? rate : std::round(rate);
}

std::string per_second(double rate) {
    return grouped(static_cast<std::uint64_t>(rate + 0.5)) + "/s";
}

}  // namespace

double sweep_result::asked(const run_result& r) {
    const boost::json::value* rate = r.plan.if_contains("rate");
    return rate && rate->is_number() ? rate->to_number<double>() : r.rate();
}

bool sweep_result::broken_by(const run_result& r) const {
    return until.holds(r) || r.rate() < fewest_replies * asked(r);
}

std::vector<const run_result*> sweep_result::in_order() const {
    std::vector<const run_result*> all;
    for (const run_result& r : steps)
        all.push_back(&r);
    std::ranges::sort(all, {}, [](const run_result* r) { return std::pair(asked(*r), r); });
    return all;
}

const run_result* sweep_result::first_broken() const {
    for (const run_result* r : in_order())
        if (broken_by(*r))
            return r;
    return nullptr;
}

const run_result* sweep_result::best() const {
    const run_result* last = nullptr;
    for (const run_result* r : in_order()) {
        if (broken_by(*r))
            break;
        last = r;
    }
    return last;
}

std::string sweep_result::conclusion() const {
    const run_result *good = best(), *broken = first_broken();
    if (!good && broken)
        return "already " + per_second(asked(*broken)) + " are too many: " + until.text();
    if (!good)
        return "nothing was tried";
    const std::string p99 = ", p99 " + readable(good->latency().quantile(0.99));
    if (!broken)
        return per_second(asked(*good)) + " are not too many" + p99;
    const std::string why =
        until.holds(*broken) ? until.text() : "only " + per_second(broken->rate()) + " came back";
    return "the limit is near " + per_second(asked(*good)) + p99 + "; " +
           per_second(asked(*broken)) + " are too many: " + why;
}

boost::json::object sweep_json(const sweep_result& s) {
    boost::json::array steps;
    for (const run_result& r : s.steps)
        steps.push_back(run_json(r));
    boost::json::object o{{"format", "coserve-bench sweep 1"}, {"until", s.until.text()}};
    if (const run_result* good = s.best())
        o["best_rate"] = sweep_result::asked(*good);
    if (const run_result* broken = s.first_broken())
        o["broken_rate"] = sweep_result::asked(*broken);
    o["steps"] = std::move(steps);
    return o;
}

std::string sweep_table(const sweep_result& s) {
    std::string text = "    asked/s   replies/s         p50         p99       p99.9\n";
    for (const run_result* r : s.in_order()) {
        text += padded(grouped(static_cast<std::uint64_t>(sweep_result::asked(*r))), 11) +
                padded(grouped(static_cast<std::uint64_t>(r->rate())), 12);
        for (const percentile& p : percentiles_of_a_second)
            text += padded(readable(r->latency().quantile(p.fraction)), 12);
        text += s.broken_by(*r) ? "  too many\n" : "\n";
    }
    return text + s.conclusion() + "\n";
}

std::optional<double> sweep_rates::next() {
    if (!broken_) {
        if (next_ > to_)
            return std::nullopt;
        last_ = next_;
        next_ = last_ < to_ ? std::min(rounded(last_ * factor_), to_) : to_ * factor_;
        return last_;
    }
    if (!good_ || refinements_ == 0)
        return std::nullopt;
    --refinements_;
    last_ = rounded((*good_ + *broken_) / 2);
    return last_;
}

void sweep_rates::tell(bool broken) {
    (broken ? broken_ : good_) = last_;
}

}  // namespace coserve_bench
