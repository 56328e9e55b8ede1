/// \file
/// The directory that uploads go to: files appear in it under their names whole and durable, or
/// not at all.
///
/// Everything here blocks on the disk and is for the pool of blocking threads.
#pragma once

#include "file_descriptor.hpp"
#include "protocol/sha256.hpp"

#include <coserve/services/upload.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

namespace coserve {

/// What a listener allows. Bytes; 0: no limit.
struct upload_rules {
    existing_file existing = existing_file::refuse;
    std::uint64_t max_file = 0;
    std::uint64_t quota = 0;  ///< of all files of the directory together
    std::size_t max_partials = 16;
    std::chrono::nanoseconds partial_age = std::chrono::hours(24);
};

/// What identifies the content of an upload that can go on after an interruption.
struct partial_key {
    std::string sha256;
    std::uint64_t size = 0;

    std::string file_name() const { return sha256 + '-' + std::to_string(size); }
};

/// Thread: any.
class upload_store {
public:
    /// Makes the directory where it is absent, and removes what a server that was killed left in
    /// it.
    /// Errors: `configuration_error`.
    explicit upload_store(const std::string& directory);

    int directory() const noexcept { return directory_.get(); }

    /// Where partial files are, made when first asked for. Errors: `upload_error`.
    int partials();

    /// Errors: `upload_error` `exists`, where the rules refuse that.
    void check_name(const std::string& name, existing_file) const;

    // ---- bytes that are on their way, beside those of the files that are there

    /// Errors: `upload_error` `quota`.
    void claim(std::uint64_t size, std::uint64_t quota);
    /// `stored`: of which so many are a file's now; nullopt: who knows.
    void unclaim(std::uint64_t size, std::optional<std::uint64_t> stored) noexcept;

    // ---- who writes to a partial file

    /// False: somebody does. `stop` is called, from any thread, to make this writer end.
    bool lock_partial(const std::string& file_name, std::function<void()> stop);
    void unlock_partial(const std::string& file_name) noexcept;
    /// Tells where the present writer is, for others that want to know whether it is alive.
    void set_position(const std::string& file_name, std::function<std::int64_t()> position);
    std::int64_t position(const std::string& file_name);
    /// Makes the present writer end.
    void stop_writer(const std::string& file_name);

    /// Room for one more partial file: removes those that nobody writes and that are too old, and
    /// the oldest while there are too many.
    /// Errors: `upload_error` `busy`.
    void make_room_for_partial(const upload_rules&);

    unsigned next_number() noexcept;

private:
    struct writer {
        std::function<void()> stop;
        std::function<std::int64_t()> position;
    };

    void clean();
    std::uint64_t stored_bytes();

    file_descriptor directory_;
    std::mutex mutex_;
    file_descriptor partials_;
    std::map<std::string, writer> writers_;
    std::uint64_t claimed_ = 0;
    std::optional<std::uint64_t> stored_;
    unsigned number_ = 0;
};

/// One file on its way. Destroyed before `publish()` it leaves nothing behind, or, where it can be
/// resumed, its partial file.
class incoming_file {
public:
    /// `size`: nullopt: not known, it grows.
    /// Errors: `upload_error`.
    incoming_file(
        std::shared_ptr<upload_store>, const upload_rules&, std::optional<std::uint64_t> size
    );
    /// What came of it before is there, and was fed to `hash`. Its key is locked by the caller, and
    /// unlocked by this object from here on, also where this throws.
    incoming_file(
        std::shared_ptr<upload_store>, const upload_rules&, const partial_key&, sha256& hash
    );
    incoming_file(const incoming_file&) = delete;
    incoming_file& operator=(const incoming_file&) = delete;
    ~incoming_file();

    int fd() const noexcept { return file_.get(); }

    /// Bytes that were there when it was opened.
    std::uint64_t offset() const noexcept { return offset_; }

    /// Where the next byte goes.
    std::int64_t position() const noexcept;

    /// For a file whose size is not known. Errors: `upload_error`.
    void append(std::span<const std::byte>);
    void cut(std::uint64_t size);

    /// Its content is not what was announced: nothing of it is kept.
    void discard() noexcept { keep_ = false; }

    /// Makes it durable, then visible under its name or, as the rules say, another, then that
    /// durable. Gives the name.
    /// Errors: `upload_error`, and it is not visible.
    std::string publish(const std::string& name);
    /// Likewise, under "upload-TIME-NUMBER".
    std::string publish_unnamed();

private:
    void open_unnamed();
    void open_named(const std::string& file_name, int flags);
    void resume(sha256& hash);
    void claim(std::uint64_t size);
    void reserve();
    void give_up() noexcept;
    void make_durable();
    int link_as(const std::string& name) const;
    std::string link_by_rule(const std::string& name);
    void replace(const std::string& name);
    void finish_publishing(const std::string& name);
    void remove_partial() noexcept;

    std::shared_ptr<upload_store> store_;
    upload_rules rules_;
    file_descriptor file_;
    std::string partial_;  // its name among the partials; empty: it has none
    std::uint64_t claimed_ = 0, offset_ = 0;
    std::optional<std::uint64_t> stored_ = 0;  // bytes that its claim has become
    bool locked_ = false;                      // its key is
    bool keep_ = false;                        // where it is not published
};

}  // namespace coserve
