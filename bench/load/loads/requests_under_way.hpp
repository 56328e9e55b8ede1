/// \file
/// What a connection has sent and has no reply to yet.
#pragma once

#include "schedule.hpp"

#include <boost/circular_buffer.hpp>

#include <cstddef>
#include <cstdint>

namespace coserve_bench {

/// Replies come in the order of the requests. Requests of one time and one size that were sent
/// together are one flight, and so are told as one.
class requests_under_way {
public:
    struct flight {
        clock::time_point intended, sent;
        std::size_t size;
        std::uint64_t count;  ///< whose replies have not come
    };

    /// `most` requests at a time.
    explicit requests_under_way(std::size_t most) : flights_(most) {}

    bool empty() const noexcept { return flights_.empty(); }

    std::uint64_t count() const noexcept { return sent_ - received_; }

    /// The number of the next request, and of the oldest that is under way.
    std::uint64_t next() const noexcept { return sent_; }
    std::uint64_t first() const noexcept { return received_; }

    const flight& oldest() const noexcept { return flights_.front(); }

    void add(const flight& more) {
        sent_ += more.count;
        if (!flights_.empty() && together(flights_.back(), more))
            flights_.back().count += more.count;
        else
            flights_.push_back(more);
    }

    /// So many of the oldest flight have their reply.
    void take(std::uint64_t count) {
        received_ += count;
        flights_.front().count -= count;
        if (flights_.front().count == 0)
            flights_.pop_front();
    }

    void clear() noexcept {
        received_ = sent_;
        flights_.clear();
    }

    auto begin() const noexcept { return flights_.begin(); }
    auto end() const noexcept { return flights_.end(); }

private:
    static bool together(const flight& a, const flight& b) noexcept {
        return a.intended == b.intended && a.sent == b.sent && a.size == b.size;
    }

    boost::circular_buffer<flight> flights_;
    std::uint64_t sent_ = 0, received_ = 0;
};

}  // namespace coserve_bench
