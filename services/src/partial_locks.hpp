/// \file
/// Who writes to which partial file.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace coserve {

/// A connection that has the right to write to a partial file.
struct partial_writer {
    const std::string name;                   ///< that the file is to get
    const std::function<void()> stop;         ///< makes it end; from any thread
    std::atomic<std::uint64_t> progress = 0;  ///< bytes that it has dealt with
    std::atomic<bool> finishing = false;      ///< it has all that it will get, and the disk works
    std::string published = {};  ///< the name that the file has got; for who locks next

    partial_writer(std::string n, std::function<void()> s)
        : name(std::move(n)), stop(std::move(s)) {}
};

class partial_lock;

/// Thread: any; nothing here waits for a disk.
class partial_locks {
public:
    /// For an upload that is to get `name`. Null: somebody else does. Lifetime: of the lock: within
    /// that of this.
    std::unique_ptr<partial_lock>
    try_lock(const std::string& file_name, const std::string& name, std::function<void()> stop);
    /// Null: nobody does.
    std::shared_ptr<partial_writer> writer_of(const std::string& file_name) const;

private:
    friend class partial_lock;
    mutable std::mutex mutex_;
    std::map<std::string, std::shared_ptr<partial_writer>> writers_;
};

/// The right to write to a partial file.
class partial_lock {
public:
    partial_lock(partial_locks& of, std::string file_name, std::shared_ptr<partial_writer> w)
        : locks_(of), file_name_(std::move(file_name)), writer_(std::move(w)) {}

    partial_lock(const partial_lock&) = delete;
    partial_lock& operator=(const partial_lock&) = delete;
    ~partial_lock();

    const std::string& file_name() const noexcept { return file_name_; }

    /// So that others see that it gets on.
    void count(std::uint64_t size) noexcept { writer_->progress += size; }

    /// So that others see that from now on it waits for the disk alone.
    void finish() noexcept { writer_->finishing = true; }

    /// So that who has the lock next learns of it.
    void publish(const std::string& name) { writer_->published = name; }

private:
    partial_locks& locks_;
    const std::string file_name_;
    const std::shared_ptr<partial_writer> writer_;
};

}  // namespace coserve
