/// \file
/// A file that is read, sent and hashed.
#pragma once

#include <coserve/task.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace coserve_client {

/// Errors: `failure`.
class upload_source {
public:
    explicit upload_source(const std::string& path);
    upload_source(const upload_source&) = delete;
    upload_source& operator=(const upload_source&) = delete;
    ~upload_source();

    int fd() const noexcept { return fd_; }

    /// When it was opened.
    std::uint64_t size() const noexcept { return size_; }

    /// Where sending begins.
    void seek(std::uint64_t offset) const;

private:
    int fd_;
    std::uint64_t size_ = 0;
};

/// How far the hashing of a file is.
struct content_hash {
    std::uint64_t done = 0;  ///< bytes
    std::string sha256;      ///< once all of it is
};

/// Reads the file, not at its offset, in jobs of 4 MiB: what else there is to do has its turn.
coserve::task<>
hash_content(std::shared_ptr<const upload_source>, std::shared_ptr<content_hash> into);

}  // namespace coserve_client
