#include "assertion.hpp"

#include "text.hpp"

#include <coserve/error.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace coserve_bench {

namespace {

/// All of `text`, without a sign.
std::optional<double> number(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !(value >= 0 && value < 1e15))
        return std::nullopt;
    return value;
}

std::string without_spaces(std::string_view text) {
    std::string some(text);
    std::erase(some, ' ');
    return some;
}

double share(double part, double whole) {
    return whole == 0 ? 0 : part / whole;
}

}  // namespace

std::uint64_t failures_in(const tally& t) noexcept {
    return t.failed + t.lost + t.unsent + t.failed_connections;
}

assertion assertion::parse(std::string_view text) {
    assertion a;
    a.text_ = without_spaces(text);
    const std::string_view all = a.text_;
    const std::size_t at = std::min(all.find_first_of("<>="), all.size());
    const std::size_t value = std::min(all.find_first_not_of("<>=", at), all.size());
    a.comparison_ = all.substr(at, value - at);
    a.parse_metric(all.substr(0, at));
    constexpr std::array known{"<", "<=", ">", ">=", "=", "=="};
    if (std::ranges::find(known, a.comparison_) == known.end())
        a.refuse("must have one of < <= > >= = after " + a.name_);
    a.parse_bound(all.substr(value));
    return a;
}

void assertion::parse_metric(std::string_view name) {
    name_ = name;
    if (name == "mean") {
        metric_ = metric::mean;
    } else if (name == "rate") {
        metric_ = metric::rate;
    } else if (name == "errors") {
        metric_ = metric::errors;
    } else if (name == "min" || name == "max") {
        fraction_ = name == "max" ? 1 : 0;
    } else if (const auto percent = number(name.substr(std::min<std::size_t>(1, name.size())));
               name.starts_with('p') && percent && *percent > 0 && *percent <= 99.9999) {
        fraction_ = *percent / 100;
    } else {
        refuse("must begin with p50 to p99.999, mean, min, max, rate or errors");
    }
}

void assertion::parse_bound(std::string_view text) {
    if (metric_ == metric::errors && text.ends_with('%')) {
        metric_ = metric::error_share;
        text.remove_suffix(1);
    }
    const bool plain =
        metric_ == metric::rate || metric_ == metric::errors || metric_ == metric::error_share;
    if (plain) {
        const auto bound = number(text.ends_with("/s") ? text.substr(0, text.size() - 2) : text);
        if (!bound)
            refuse("must end in a number");
        bound_ = metric_ == metric::error_share ? *bound / 100 : *bound;
        return;
    }
    const auto time = coserve::parse_time(text);
    if (!time)
        refuse("must end in a time, such as 500us, 5ms or 1s");
    bound_ = seconds(*time);
}

void assertion::refuse(const std::string& why) const {
    throw coserve::configuration_error("\"" + text_ + "\" " + why + ", as in p99<5ms");
}

/// nullopt: there is no latency without replies.
std::optional<double> assertion::value(const run_result& r) const {
    const tally& t = r.counts;
    const auto failures = static_cast<double>(failures_in(t));
    switch (metric_) {
    case metric::rate:
        return r.rate();
    case metric::errors:
        return failures;
    case metric::error_share:
        return share(failures, failures + static_cast<double>(t.completed));
    case metric::mean:
    case metric::quantile:
        break;
    }
    const latency_histogram& all = r.latency();
    if (all.count() == 0)
        return std::nullopt;
    if (metric_ == metric::mean)
        return seconds(all.mean());
    return seconds(
        fraction_ == 0   ? all.least()
        : fraction_ == 1 ? all.most()
                         : all.quantile(fraction_)
    );
}

bool assertion::holds(const run_result& r) const {
    const std::optional<double> v = value(r);
    if (!v)
        return false;
    if (comparison_ == "<")
        return *v < bound_;
    if (comparison_ == "<=")
        return *v <= bound_;
    if (comparison_ == ">")
        return *v > bound_;
    if (comparison_ == ">=")
        return *v >= bound_;
    return *v == bound_;
}

std::string assertion::readable_value(const run_result& r) const {
    const std::optional<double> v = value(r);
    if (!v)
        return "not known, since no reply came";
    switch (metric_) {
    case metric::rate:
        return format("%.1f/s", *v);
    case metric::errors:
        return format("%.0f", *v);
    case metric::error_share:
        return format("%.4g%%", *v * 100);
    case metric::mean:
    case metric::quantile:
        break;
    }
    return readable(duration_of(*v));
}

std::string assertion::failure(const run_result& r) const {
    return text_ + ": " + name_ + (name_ == "errors" ? " were " : " was ") + readable_value(r);
}

std::optional<coserve::duration> assertion::latency_bound() const {
    if (metric_ != metric::quantile)
        return std::nullopt;
    return duration_of(bound_);
}

}  // namespace coserve_bench
