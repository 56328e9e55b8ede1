#include "load_worker.hpp"

#include <chrono>

namespace coserve_bench {

namespace {

/// The `index`th of so many threads' part of `all`.
std::uint64_t share(std::uint64_t all, std::size_t index, std::size_t threads) {
    return all * (index + 1) / threads - all * index / threads;
}

}  // namespace

load_worker::load_worker(const plan& p, const schedule& s, std::size_t index)
    : plan_(p),
      schedule_(s),
      index_(index),
      first_(p.connections * index / p.threads),
      wanted_(share(p.connections, index, p.threads)),
      requests_left_(share(p.requests.value_or(0), index, p.threads)),
      random_(p.seed + index),
      record_(s, p.rate == 0 ? recorder::loop::closed : recorder::loop::open, p.keep_samples) {}

clock::time_point load_worker::ramped(std::size_t index) const noexcept {
    const double part =
        static_cast<double>(first_ + index) / static_cast<double>(plan_.connections);
    return schedule_.start + std::chrono::duration_cast<clock::duration>(part * plan_.ramp);
}

clock::time_point
load_worker::paced_since(clock::time_point begin, std::size_t index) const noexcept {
    if (plan_.connect_rate == 0)
        return begin;
    const std::chrono::duration<double> at(
        static_cast<double>(index * plan_.threads + index_) / plan_.connect_rate
    );
    return begin + std::chrono::duration_cast<clock::duration>(at);
}

}  // namespace coserve_bench
