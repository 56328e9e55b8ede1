/// \file
/// What a thread of a load tells while it runs.
#pragma once

#include "error_kind.hpp"
#include "latency_histogram.hpp"
#include "sample.hpp"
#include "schedule.hpp"
#include "tally.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coserve_bench {

/// Counts for one thread. A reply costs it a few nanoseconds and no memory: it is added to the
/// histograms of its second, and those to the thread's once a second.
///
/// Thread: one.
class recorder {
public:
    enum class loop : bool { closed, open };

    /// `times` must outlive it; its begin is fixed before anything is told.
    explicit recorder(const schedule& times, loop = loop::closed, bool keeps_samples = false);

    /// Replies came, to whatever requests: since the warm-up all are told.
    void served(clock::time_point now, std::uint64_t count = 1) noexcept {
        if (now >= next_)
            roll(now);
        second_.replies += count;
        if (!times_.over(now))
            all_.in_time += count;
    }

    /// Requests that count were sent.
    void sent(std::uint64_t count = 1) noexcept { all_.sent += count; }

    /// The replies have come to that many, of so many bytes each, which were sent together. In a
    /// closed loop `intended` is of no interest.
    void completed(
        clock::time_point intended,
        clock::time_point sent,
        clock::time_point now,
        std::size_t bytes,
        std::uint64_t count = 1
    ) {
        service_.add(now - sent, count);
        all_.bytes += bytes * count;
        if (open_loop_)
            intended_.add(now - intended, count);
        if (keeps_samples_)
            samples_.insert(samples_.end(), count, {now - intended, now - sent});
    }

    /// Requests that count will have no reply.
    void failed(error_kind, std::uint64_t count = 1) noexcept;

    /// Their time came and went, and none could be sent: the server is behind.
    void unsent(std::uint64_t count = 1) noexcept { all_.unsent += count; }

    /// So late, by this program's own doing, was a request that had its time.
    void slip(coserve::duration d) noexcept { all_.slip.add(d); }

    void connected() noexcept { ++all_.connected; }

    /// Could not be made, or broke. The first sentence is kept.
    void connection_failed(error_kind, std::string_view sentence);
    /// Something else went wrong, which no connection ended by.
    void error(error_kind, std::string_view sentence);

    void lost(std::uint64_t count = 1) noexcept { all_.lost += count; }
    void late(std::uint64_t count = 1) noexcept { all_.late += count; }
    void duplicate(std::uint64_t count = 1) noexcept { all_.duplicate += count; }
    void reordered(std::uint64_t count = 1) noexcept { all_.reordered += count; }
    void wrong(std::uint64_t count = 1) noexcept { all_.wrong += count; }

    /// All of it; nothing may be told after that.
    tally finish();

    const std::vector<sample>& samples() const noexcept { return samples_; }

private:
    void roll(clock::time_point now) noexcept;
    void close_second();

    const schedule& times_;
    const bool open_loop_, keeps_samples_;
    clock::time_point next_{};  // when the second under way is over
    second_tally second_;
    latency_histogram service_, intended_;  // of the second under way
    std::array<std::uint64_t, error_kinds> failed_{}, errors_{};
    tally all_;
    std::vector<sample> samples_;
};

}  // namespace coserve_bench
