/// \file
/// The directory that uploads go to: files appear in it under their names whole and durable, or
/// not at all.
#pragma once

#include "file_descriptor.hpp"
#include "upload_partials.hpp"
#include "upload_quota.hpp"

#include <coserve/services/upload.hpp>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

namespace coserve {

/// Thread: any; what is not said to be quick blocks on the disk, and is for the pool of blocking
/// threads.
class upload_store {
public:
    /// What `open_upload_directory()` gave. Removes what a server that was killed left in it.
    explicit upload_store(file_descriptor directory);

    /// Quick, as `quota()` and `partials()` themselves are.
    int directory() const noexcept { return directory_.get(); }

    /// Bytes that are there and that are on their way.
    upload_quota& quota() noexcept { return quota_; }

    upload_partials& partials() noexcept { return partials_; }

    /// Errors: `upload_error` `exists`, where the rules refuse that.
    void check_name(const std::string& name, existing_file) const;

    /// Gives a file, which has the name `passing` among the partials, its name in the directory,
    /// in the place of what has it. How many bytes that had.
    /// Errors: `upload_error`.
    std::uint64_t replace(const std::string& passing, const std::string& name);

    unsigned next_number() noexcept { return ++number_; }

private:
    std::uint64_t stored_bytes() const;

    const file_descriptor directory_;
    upload_quota quota_;
    upload_partials partials_;
    std::mutex replacing_;
    std::atomic<unsigned> number_ = 0;
};

/// Makes the directory where it is absent.
/// Errors: `configuration_error`.
file_descriptor open_upload_directory(const std::string& path);

}  // namespace coserve
