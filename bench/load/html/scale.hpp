/// \file
/// Where a value stands on an axis, and which values are worth a tick.
#pragma once

#include <vector>

namespace coserve_bench {

/// What lies between the ends of an axis, whose bounds are moved outwards to round values.
class scale {
public:
    enum class kind : unsigned char {
        linear,
        logarithmic,  ///< values of 0 and below stand at the lower end
        quantiles     ///< shares from 0 to below 1: 90 %, 99 %, 99.9 % are as far from each other
    };

    /// `least` and `most` may be the same, or in no order.
    scale(kind, double least, double most);

    /// 0 to 1 from one end to the other; beyond them it is the end.
    double position(double value) const noexcept;

    /// Round values, from end to end.
    const std::vector<double>& ticks() const noexcept { return ticks_; }

    double least() const noexcept { return least_; }
    double most() const noexcept { return most_; }

private:
    void make_linear();
    void make_logarithmic();
    void make_quantiles();
    double moved(double value) const noexcept;

    kind kind_;
    double least_, most_;
    std::vector<double> ticks_;
};

}  // namespace coserve_bench
