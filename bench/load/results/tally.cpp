#include "tally.hpp"

#include <algorithm>
#include <cstddef>

namespace coserve_bench {

namespace {

void add(counts_by_kind& sum, const counts_by_kind& more) {
    for (const auto& [kind, count] : more)
        sum[kind] += count;
}

}  // namespace

second_tally& second_tally::operator+=(const second_tally& other) {
    replies += other.replies;
    failed += other.failed;
    service += other.service;
    intended += other.intended;
    return *this;
}

tally& tally::operator+=(const tally& other) {
    static constexpr std::uint64_t tally::* sums[] = {
        &tally::sent,
        &tally::completed,
        &tally::failed,
        &tally::unsent,
        &tally::served,
        &tally::in_time,
        &tally::bytes,
        &tally::connected,
        &tally::failed_connections,
        &tally::lost,
        &tally::late,
        &tally::duplicate,
        &tally::reordered,
        &tally::wrong,
    };
    for (const auto member : sums)
        this->*member += other.*member;
    add(failed_by, other.failed_by);
    add(errors, other.errors);
    if (first_error.empty())
        first_error = other.first_error;
    service += other.service;
    intended += other.intended;
    slip += other.slip;
    series.resize(std::max(series.size(), other.series.size()));
    for (std::size_t i = 0; i < other.series.size(); ++i)
        series[i] += other.series[i];
    return *this;
}

}  // namespace coserve_bench
