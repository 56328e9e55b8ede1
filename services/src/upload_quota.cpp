#include "upload_quota.hpp"

#include "protocol/upload_error.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace coserve {

namespace {

using clock = std::chrono::steady_clock;

void take_away(std::uint64_t& from, std::uint64_t size) noexcept {
    from -= std::min(from, size);
}

}  // namespace

upload_quota::upload_quota(std::function<std::uint64_t()> count) : count_(std::move(count)) {}

void upload_quota::claim(std::uint64_t size, std::uint64_t quota, std::uint64_t kept) {
    const std::lock_guard lock(mutex_);
    if (quota != 0) {
        if (!stored_ || (!fits(size, quota, kept) && clock::now() >= next_count_))
            count_files();
        if (!fits(size, quota, kept))
            throw upload_error(
                "quota",
                "file_size: " + std::to_string(size) + " bytes are over the quota of " +
                    std::to_string(quota) + " for all files"
            );
    }
    claimed_ += size;
    take_away(kept_, kept);
}

bool upload_quota::fits(std::uint64_t size, std::uint64_t quota, std::uint64_t kept)
    const noexcept {
    const std::uint64_t taken = *stored_ + claimed_ + kept_ - std::min(kept_, kept);
    return taken <= quota && size <= quota - taken;
}

void upload_quota::count_files() {
    const auto begin = clock::now();
    stored_ = count_();
    ++counts_;
    const auto end = clock::now();
    next_count_ = end + 9 * (end - begin);
}

void upload_quota::unclaim(std::uint64_t size, std::uint64_t kept) noexcept {
    const std::lock_guard lock(mutex_);
    take_away(claimed_, size);
    kept_ += kept;
}

void upload_quota::add_kept(std::uint64_t size) noexcept {
    const std::lock_guard lock(mutex_);
    kept_ += size;
}

void upload_quota::remove_kept(std::uint64_t size) noexcept {
    const std::lock_guard lock(mutex_);
    take_away(kept_, size);
}

unsigned upload_quota::counts() const noexcept {
    const std::lock_guard lock(mutex_);
    return counts_;
}

void upload_quota::settle(std::uint64_t size, std::uint64_t replaced, unsigned counts) noexcept {
    const std::lock_guard lock(mutex_);
    take_away(claimed_, size);
    if (!stored_)
        return;
    *stored_ += size;
    if (counts == counts_)  // else nobody knows what was counted: rather too much, until the next
        take_away(*stored_, replaced);
}

}  // namespace coserve
