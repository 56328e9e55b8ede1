/// \file
/// How many bytes a directory has, with those on their way to it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

namespace coserve {

/// A running total: the directory is read once, and again where a claim does not fit, for somebody
/// may have removed files; but never for more than a tenth of the time.
///
/// Thread: locks for itself; blocks while the directory is read.
class upload_quota {
public:
    /// `count`: the bytes of the files that are there.
    explicit upload_quota(std::function<std::uint64_t()> count);

    /// Bytes that will come, `kept` of which a partial file has already. `quota` 0: no limit.
    /// Errors: `upload_error` `quota`.
    void claim(std::uint64_t size, std::uint64_t quota, std::uint64_t kept = 0);
    /// They do not come, but for `kept`, which a partial file has.
    void unclaim(std::uint64_t size, std::uint64_t kept = 0) noexcept;

    /// A partial file that nobody claims was found, or has gone.
    void add_kept(std::uint64_t size) noexcept;
    void remove_kept(std::uint64_t size) noexcept;

    /// How often the directory was read: to be asked before a file gets its name.
    unsigned counts() const noexcept;
    /// `size` bytes of what was claimed are a file's now, in the place of `replaced` others.
    /// `counts`: before that; where it was counted since, it may stand for too much until it is
    /// counted again.
    void settle(std::uint64_t size, std::uint64_t replaced, unsigned counts) noexcept;

private:
    bool fits(std::uint64_t size, std::uint64_t quota, std::uint64_t kept) const noexcept;
    void count_files();

    const std::function<std::uint64_t()> count_;
    mutable std::mutex mutex_;
    std::optional<std::uint64_t> stored_;  // nullopt: not counted yet
    std::uint64_t claimed_ = 0, kept_ = 0;
    unsigned counts_ = 0;
    std::chrono::steady_clock::time_point next_count_{};
};

}  // namespace coserve
