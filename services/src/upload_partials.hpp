/// \file
/// The files of interrupted uploads, in a dot directory within that of the files.
#pragma once

#include "directory_files.hpp"
#include "file_descriptor.hpp"
#include "partial_locks.hpp"
#include "upload_quota.hpp"
#include "upload_rules.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

namespace coserve {

/// What identifies the content of an upload that can go on after an interruption.
struct partial_key {
    std::string sha256;
    std::uint64_t size = 0;

    std::string file_name() const { return sha256 + '-' + std::to_string(size); }
};

/// A partial file is removed only by who has its lock, which ends with its process, and only those
/// that nobody writes are counted. Files of the other kind have a name in passing, on their way
/// into the directory.
///
/// Thread: any; all but `locks()` waits for the disk.
class upload_partials {
public:
    /// `parent`: the upload directory. Removes what a server that was killed left behind.
    /// Lifetime: ends before `parent` and the quota do.
    upload_partials(int parent, upload_quota&);

    /// Made when it is first asked for. Errors: `upload_error`.
    int directory();

    partial_locks& locks() noexcept { return locks_; }

    /// One that nobody else takes, not even a store of the same directory in another container.
    static std::string passing_name();

    /// Removes those that nobody writes and that are too old, and the oldest while they are too
    /// many or too large together.
    void trim(const upload_rules&);
    /// The same, at most once a second: for every upload.
    void trim_at_times(const upload_rules&);
    /// Room for one more. Errors: `upload_error` `busy`.
    void make_room(const upload_rules&);

    /// A file of ours. The caller has its lock.
    void remove(const std::string& file_name) noexcept;
    /// The names in it outlive a power cut from here on. False: the disk failed.
    bool sync() noexcept;

private:
    void clean();
    std::size_t trim_to(const upload_rules&, std::size_t most);
    bool remove_abandoned(const std::string& file_name) noexcept;

    const int parent_;
    upload_quota& quota_;
    partial_locks locks_;
    std::mutex mutex_;
    file_descriptor directory_;
    std::atomic<std::chrono::steady_clock::time_point> next_trim_{};
};

}  // namespace coserve
