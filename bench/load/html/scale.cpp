#include "scale.hpp"

#include <algorithm>
#include <cmath>

namespace coserve_bench {

namespace {

constexpr double ticks_wanted = 5;
constexpr double smallest = 1e-12;  // of a logarithm's bounds

/// 1, 2 or 5 times a power of ten, no less than `value`.
double round_up(double value) {
    const double power = std::pow(10, std::floor(std::log10(value)));
    for (const double step : {1.0, 2.0, 5.0})
        if (step * power >= value * (1 - 1e-9))
            return step * power;
    return 10 * power;
}

double round_down(double value) {
    return 1 / round_up(1 / value);
}

bool is_power_of_ten(double value) {
    const double power = std::log10(value);
    return std::fabs(power - std::round(power)) < 1e-9;
}

double finite(double value) {
    return std::isfinite(value) ? std::clamp(value, -1e15, 1e15) : 0;
}

}  // namespace

scale::scale(kind k, double least, double most)
    : kind_(k),
      least_(std::min(finite(least), finite(most))),
      most_(std::max(finite(least), finite(most))) {
    if (k == kind::linear)
        make_linear();
    else if (k == kind::logarithmic)
        make_logarithmic();
    else
        make_quantiles();
}

void scale::make_linear() {
    if (most_ - least_ <= 1e-9 * std::fabs(most_))
        most_ = least_ + std::max(1.0, std::fabs(least_));
    const double step = round_up((most_ - least_) / ticks_wanted);
    const double first = std::floor(least_ / step + 1e-9), last = std::ceil(most_ / step - 1e-9);
    for (double n = first; n <= last; ++n)
        ticks_.push_back(n * step);
    least_ = ticks_.front();
    most_ = ticks_.back();
}

/// From and to 1, 2 or 5 times a power of ten. The ticks are powers of ten; where there are few of
/// them, these too.
void scale::make_logarithmic() {
    least_ = std::max(least_, smallest);
    most_ = round_up(std::max(most_, least_ * 1.001));
    least_ = round_down(least_);
    const bool few = most_ < 1100 * least_;
    for (double tick = least_; tick < most_ * 1.001; tick = round_up(tick * 1.01))
        if (few || is_power_of_ten(tick))
            ticks_.push_back(tick);
}

void scale::make_quantiles() {
    least_ = 0;
    most_ = std::clamp(most_, 0.99, 0.9999999);
    for (const double p : {0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999})
        if (p <= most_)
            ticks_.push_back(p);
}

double scale::moved(double value) const noexcept {
    switch (kind_) {
    case kind::linear:
        return value;
    case kind::logarithmic:
        return std::log10(std::max(value, smallest));
    case kind::quantiles:
        return -std::log10(1 - std::clamp(value, 0.0, most_));
    }
    return value;
}

double scale::position(double value) const noexcept {
    const double from = moved(least_), to = moved(most_);
    return std::clamp((moved(value) - from) / (to - from), 0.0, 1.0);
}

}  // namespace coserve_bench
