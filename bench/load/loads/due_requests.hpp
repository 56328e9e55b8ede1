/// \file
/// Requests of an open loop whose time has come, and which connection each of them is for.
#pragma once

#include "results/recorder.hpp"
#include "schedule.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace coserve_bench {

/// Connections take turns. A request waits for the one whose turn it was, as its user would; only
/// what a connection leaves behind that is gone is for any other. A `Connection` has a
/// `std::deque<clock::time_point> waiting`, which is nobody else's.
template <class Connection>
class due_requests {
public:
    void join(Connection& c) { live_.push_back(&c); }

    void leave(Connection& c) {
        std::erase(live_, &c);
        orphans_.insert(orphans_.end(), c.waiting.begin(), c.waiting.end());
        c.waiting.clear();
    }

    /// One more, and whose it is; null: nobody is there, and whoever comes takes it.
    Connection* add(clock::time_point due) {
        ++count_;
        if (live_.empty()) {
            orphans_.push_back(due);
            return nullptr;
        }
        Connection& c = *live_[turn_++ % live_.size()];
        c.waiting.push_back(due);
        return &c;
    }

    /// The time of the next that `c` is to send.
    std::optional<clock::time_point> take(Connection& c) {
        auto& from = c.waiting.empty() ? orphans_ : c.waiting;
        if (from.empty())
            return std::nullopt;
        const clock::time_point due = from.front();
        from.pop_front();
        --count_;
        return due;
    }

    /// Those that nobody has taken.
    std::uint64_t count() const noexcept { return count_; }

    /// Some of them are for whoever is there.
    bool orphaned() const noexcept { return !orphans_.empty(); }

    const std::vector<Connection*>& live() const noexcept { return live_; }

    /// What waits is never sent.
    void give_up(const schedule& times, recorder& record) {
        for (Connection* const c : std::vector(live_))
            leave(*c);
        for (const clock::time_point due : orphans_)
            if (times.counts(due))
                record.unsent();
        orphans_.clear();
        count_ = 0;
    }

private:
    std::vector<Connection*> live_;  // in the order of their turns
    std::size_t turn_ = 0;           // whose it is
    std::deque<clock::time_point> orphans_;
    std::uint64_t count_ = 0;
};

}  // namespace coserve_bench
