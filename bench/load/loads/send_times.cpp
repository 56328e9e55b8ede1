#include "send_times.hpp"

#include <chrono>
#include <cmath>

namespace coserve_bench {

send_times::send_times(
    double rate, coserve::duration ramp, std::size_t index, std::size_t threads
) noexcept
    : rate_(rate),
      ramp_(std::chrono::duration<double>(ramp).count()),
      number_(index),
      step_(threads) {}

coserve::duration send_times::next() noexcept {
    const auto n = static_cast<double>(number_);
    number_ += step_;
    // Over the ramp rate * t^2 / (2 * ramp) requests are due until t.
    const double of_ramp = rate_ * ramp_ / 2;
    const double seconds =
        n < of_ramp ? std::sqrt(2 * n * ramp_ / rate_) : ramp_ + (n - of_ramp) / rate_;
    return std::chrono::duration_cast<coserve::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace coserve_bench
