/// \file
/// How fast messages may follow one another, so that none is lost for its haste.
#pragma once

#include "protocol/chat_time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>

namespace coserve_client {

/// A little less than a server takes from one member, long messages counting for several; and where
/// it sends one's own messages back, no more on their way than fit into small buffers. Whether it
/// does, the first one shows, or a later one where the first is lost.
class chat_pace {
public:
    /// Which a message has to come back.
    static constexpr std::chrono::nanoseconds patience = std::chrono::seconds(1);
    static constexpr std::size_t window = 32;

    /// When the next message may be sent: now, if that is not later than now.
    coserve::chat_time ready(coserve::chat_time now);
    void sent(coserve::chat_time now, std::size_t bytes);

    /// So many of those that were sent have come back, or are known not to.
    void returned(std::uint64_t count);
    /// None of those that were sent will come back any more; how many of them perhaps should have.
    std::uint64_t forget();

    /// Whether something has come back.
    bool echoes() const noexcept { return echo_ == echo::on; }

    /// What has not come back, and should have, as far as is known.
    std::uint64_t missing() const noexcept;
    /// When nothing is waited for any more; in the past where nothing is.
    coserve::chat_time settled() const noexcept;

    /// The server takes less than is thought.
    void slow_down() noexcept;

private:
    enum class echo : unsigned char { unknown, on, off };

    void give_up(coserve::chat_time now);

    std::chrono::nanoseconds step_ = std::chrono::nanoseconds(std::chrono::seconds(1)) / 190;
    coserve::chat_time spent_{};
    echo echo_ = echo::unknown;
    std::deque<coserve::chat_time> waiting_;  // when those were sent that may come back
    std::uint64_t given_up_ = 0;              // of those before
};

}  // namespace coserve_client
