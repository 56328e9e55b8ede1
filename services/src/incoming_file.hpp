/// \file
/// One file on its way into the upload directory.
#pragma once

#include "file_descriptor.hpp"
#include "partial_locks.hpp"
#include "protocol/sha256.hpp"
#include "upload_rules.hpp"
#include "upload_store.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace coserve {

/// Destroyed before `publish()` it leaves nothing behind, or, where it can be resumed, its partial
/// file.
///
/// Thread: one at a time; all of it blocks on the disk, the destructor too.
class incoming_file {
public:
    /// `size`: nullopt: not known, it grows.
    /// Errors: `upload_error`.
    incoming_file(
        std::shared_ptr<upload_store>, const upload_rules&, std::optional<std::uint64_t> size
    );
    /// One that can be resumed. What came of it before is read by `hash_kept()`.
    incoming_file(std::shared_ptr<upload_store>, const upload_rules&, std::uint64_t size, std::unique_ptr<partial_lock>);
    incoming_file(const incoming_file&) = delete;
    incoming_file& operator=(const incoming_file&) = delete;
    ~incoming_file();

    int fd() const noexcept { return file_.get(); }

    /// Feeds at most 4 MiB of what came before to `hash`; false: that was all of it.
    /// Errors: `upload_error`.
    bool hash_kept(sha256& hash);

    /// Bytes that came before, as far as they were hashed.
    std::uint64_t offset() const noexcept { return offset_; }

    /// Of a file that can be resumed: others see that so many bytes have come.
    void count(std::uint64_t size) noexcept;

    /// For a file whose size is not known: room for that much more. Errors: `upload_error`.
    void grow(std::uint64_t size);
    /// The same, with what comes there. Errors: `upload_error`.
    void append(std::span<const std::byte>);
    /// It has this size. Errors: `upload_error`.
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
    void finish() noexcept;
    void open_nameless();
    void open_partial();
    bool open_only_name(int flags);
    void claim(std::uint64_t size, std::uint64_t kept = 0);
    void reserve();
    void give_up() noexcept;
    std::uint64_t keep() noexcept;
    void make_durable();
    int link_as(int directory, const std::string& name) const;
    std::string link_by_rule(const std::string& name);
    void replace(const std::string& name);
    void finish_publishing(const std::string& name);
    void remove_partial() noexcept;

    const std::shared_ptr<upload_store> store_;
    const upload_rules rules_;
    std::unique_ptr<partial_lock> lock_;  // of one that can be resumed
    file_descriptor file_;
    std::string partial_;  // its name among the partials; empty: it has none
    std::uint64_t claimed_ = 0, offset_ = 0, replaced_ = 0;
    bool keep_ = false;  // where it is not published
};

}  // namespace coserve
