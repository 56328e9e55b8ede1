#include "chat_pace.hpp"

#include <algorithm>

namespace coserve_client {

using coserve::chat_time;

namespace {

// Servers allow what belongs to a whole second at once: heartbeats come on top, and networks bunch
// things.
constexpr auto burst = std::chrono::milliseconds(500);
constexpr std::size_t bytes_of_one = 2048;

}  // namespace

chat_time chat_pace::ready(chat_time now) {
    give_up(now);
    const chat_time in_rate = spent_ - burst;
    const std::size_t most = echo_ == echo::on ? window : 1;
    if (echo_ == echo::off || waiting_.size() < most)
        return in_rate;
    return std::max(in_rate, waiting_.front() + patience);
}

void chat_pace::sent(chat_time now, std::size_t bytes) {
    spent_ = std::max(spent_, now) + step_ * static_cast<int>(1 + bytes / bytes_of_one);
    waiting_.push_back(now);
}

void chat_pace::returned(std::uint64_t count) {
    echo_ = echo::on;
    const std::uint64_t late = std::min(count, given_up_);
    given_up_ -= late;
    const auto others = std::min<std::uint64_t>(count - late, waiting_.size());
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(others));
}

std::uint64_t chat_pace::forget() {
    const std::uint64_t lost = echo_ == echo::off ? 0 : given_up_ + waiting_.size();
    waiting_.clear();
    given_up_ = 0;
    return lost;
}

std::uint64_t chat_pace::missing() const noexcept {
    return echo_ == echo::on ? given_up_ + waiting_.size() : 0;
}

chat_time chat_pace::settled() const noexcept {
    const bool waits = echo_ != echo::off && !waiting_.empty();
    return waits ? waiting_.back() + patience : chat_time::min();
}

void chat_pace::slow_down() noexcept {
    step_ = std::min<std::chrono::nanoseconds>(step_ * 2, std::chrono::seconds(1));
}

void chat_pace::give_up(chat_time now) {
    while (!waiting_.empty() && waiting_.front() + patience <= now) {
        if (echo_ == echo::unknown)
            echo_ = echo::off;
        waiting_.pop_front();
        ++given_up_;
    }
}

}  // namespace coserve_client
