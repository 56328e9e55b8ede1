#include "recorder.hpp"

#include <utility>

namespace coserve_bench {

using namespace std::chrono_literals;

namespace {

counts_by_kind by_name(const std::array<std::uint64_t, error_kinds>& counts) {
    counts_by_kind named;
    for (std::size_t i = 0; i < counts.size(); ++i)
        if (counts[i] != 0)
            named.emplace(name_of(static_cast<error_kind>(i)), counts[i]);
    return named;
}

}  // namespace

recorder::recorder(const schedule& times, loop kind, bool keeps_samples)
    : times_(times), open_loop_(kind == loop::open), keeps_samples_(keeps_samples) {}

/// Ends the second under way, and those in which nothing came.
void recorder::roll(clock::time_point now) noexcept {
    if (times_.begin == clock::time_point())
        return;  // it has no seconds yet
    if (next_ == clock::time_point())
        next_ = times_.begin + 1s;
    for (; now >= next_; next_ += 1s)
        close_second();
}

void recorder::close_second() {
    second_.service = service_.filled();
    all_.service += service_;
    service_.clear();
    if (open_loop_) {
        second_.intended = intended_.filled();
        all_.intended += intended_;
        intended_.clear();
    }
    all_.served += second_.replies;
    all_.series.push_back(std::exchange(second_, {}));
}

void recorder::failed(error_kind kind, std::uint64_t count) noexcept {
    if (const clock::time_point now = clock::now(); now >= next_)
        roll(now);
    failed_[static_cast<std::size_t>(kind)] += count;
    second_.failed += count;
    all_.failed += count;
}

void recorder::connection_failed(error_kind kind, std::string_view sentence) {
    ++all_.failed_connections;
    error(kind, sentence);
}

void recorder::error(error_kind kind, std::string_view sentence) {
    ++errors_[static_cast<std::size_t>(kind)];
    if (all_.first_error.empty())
        all_.first_error = sentence;
}

tally recorder::finish() {
    close_second();
    all_.completed = all_.service.count();
    all_.failed_by = by_name(failed_);
    all_.errors = by_name(errors_);
    return std::move(all_);
}

}  // namespace coserve_bench
