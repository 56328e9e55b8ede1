#include "incoming_file.hpp"

#include "directory_files.hpp"
#include "protocol/upload_error.hpp"
#include "protocol/upload_name.hpp"

#include <array>
#include <cerrno>
#include <ctime>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace coserve {

namespace {

constexpr unsigned most_numbers = 100'000;
/// What one thread hashes before others have their turn.
constexpr std::size_t hashed_at_once = std::size_t{4} << 20, hashed_piece = std::size_t{256} << 10;
/// Another server may remove a file between its opening and its locking.
constexpr int most_attempts = 5;

std::string utc_time() {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    std::array<char, 32> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &utc)};
}

struct stat about(int file) {
    struct stat found{};
    if (::fstat(file, &found) != 0)
        fail_storing(errno, "the file");
    return found;
}

}  // namespace

incoming_file::incoming_file(
    std::shared_ptr<upload_store> store,
    const upload_rules& rules,
    std::optional<std::uint64_t> size
)
    : store_(std::move(store)), rules_(rules) {
    try {
        claim(size.value_or(0));
        open_nameless();
        reserve();
    } catch (...) {
        give_up();
        throw;
    }
}

incoming_file::incoming_file(
    std::shared_ptr<upload_store> store,
    const upload_rules& rules,
    std::uint64_t size,
    std::unique_ptr<partial_lock> lock
)
    : store_(std::move(store)),
      rules_(rules),
      lock_(std::move(lock)),
      partial_(lock_->file_name()) {
    try {
        open_partial();
        keep_ = true;
        const auto kept = static_cast<std::uint64_t>(about(fd()).st_size);
        claim(size, kept);
        if (kept > size && ::ftruncate(fd(), 0) != 0)
            fail_storing(errno, "a partial file");
        reserve();
    } catch (...) {
        give_up();
        throw;
    }
}

incoming_file::~incoming_file() {
    give_up();
}

/// What follows takes as long as the disk does.
void incoming_file::finish() noexcept {
    if (lock_)
        lock_->finish();
}

/// What was not published goes, or stays as a partial file.
void incoming_file::give_up() noexcept {
    finish();
    const std::uint64_t kept = keep_ ? keep() : 0;
    if (kept == 0 && file_)
        remove_partial();
    file_ = {};
    if (claimed_ != 0)
        store_->quota().unclaim(claimed_, kept);
    lock_.reset();
    if (kept != 0)
        store_->partials().trim(rules_);
}

/// Without what was reserved behind its end, and so that a power cut leaves it. Its size; 0: there
/// is nothing to keep.
std::uint64_t incoming_file::keep() noexcept {
    struct stat found{};
    if (::fstat(fd(), &found) != 0 || found.st_size == 0 || ::ftruncate(fd(), found.st_size) != 0)
        return 0;
    if (::fsync(fd()) != 0 || !store_->partials().sync())
        return 0;
    return static_cast<std::uint64_t>(found.st_size);
}

void incoming_file::claim(std::uint64_t size, std::uint64_t kept) {
    if (rules_.max_file != 0 && size > rules_.max_file)
        throw upload_error(
            "too-large",
            "file_size: " + std::to_string(size) + " bytes, the maximum being " +
                std::to_string(rules_.max_file)
        );
    store_->quota().claim(size, rules_.quota, kept);
    claimed_ += size;
}

/// What is claimed, on the disk: one that fills up later is an error now.
void incoming_file::reserve() {
    if (claimed_ == 0)
        return;
    const std::string what = "file_size: no room for " + std::to_string(claimed_) + " bytes";
    int error = 0;
    do {
        error = ::fallocate(fd(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(claimed_)) == 0
                    ? 0
                    : errno;
    } while (error == EINTR);
    if (error != EOPNOTSUPP) {
        if (error != 0)
            fail_storing(error, what);
        return;
    }
    struct statvfs room{};
    if (::fstatvfs(fd(), &room) == 0 && room.f_bavail < claimed_ / room.f_frsize)
        fail_storing(ENOSPC, what);
}

void incoming_file::open_nameless() {
    file_ = file_descriptor(open_beneath(store_->directory(), ".", O_TMPFILE | O_RDWR, 0666));
    if (file_)
        return;
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)
        fail_storing(errno, "a temporary file");
    // This file system has none without a name.
    for (int i = 0; i < most_attempts; ++i) {
        partial_ = upload_partials::passing_name();
        if (open_only_name(O_EXCL))
            return;
    }
    fail_storing(EBUSY, "a temporary file");
}

/// A file that was published has another name; it is not what would be written to.
void incoming_file::open_partial() {
    struct stat found{};
    const int where = store_->partials().directory();
    if (::fstatat(where, partial_.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0)
        store_->partials().make_room(rules_);
    for (int i = 0; i < most_attempts; ++i)
        if (open_only_name(0))
            return;
    throw upload_error("busy", "resume: another server is removing this file");
}

/// Opens and locks it under its name among the partials. False: that was not the one name it has,
/// and now is none of its.
bool incoming_file::open_only_name(int flags) {
    const int where = store_->partials().directory();
    file_ = file_descriptor(open_beneath(where, partial_, O_RDWR | O_CREAT | flags, 0666));
    if (!file_)
        fail_storing(errno, "a partial file");
    const struct stat found = about(fd());
    const bool is_file = S_ISREG(found.st_mode);
    if (!is_file || !lock_file(fd())) {
        file_ = {};
        throw upload_error("busy", "resume: another server is writing this file");
    }
    const auto names = about(fd()).st_nlink;
    if (names > 1)
        remove_partial();
    return names == 1;
}

bool incoming_file::hash_kept(sha256& hash) {
    std::vector<std::byte> piece(hashed_piece);
    for (std::size_t done = 0; done < hashed_at_once;) {
        const ssize_t n = ::read(fd(), piece.data(), piece.size());
        if (n == 0)
            return false;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            fail_storing(errno, "a partial file");
        const auto size = static_cast<std::size_t>(n);
        hash.feed(std::span(piece).first(size));
        count(size);
        offset_ += size;
        done += size;
    }
    return true;
}

void incoming_file::count(std::uint64_t size) noexcept {
    if (lock_)
        lock_->count(size);
}

void incoming_file::grow(std::uint64_t size) {
    if (rules_.max_file != 0 && claimed_ + size > rules_.max_file)
        throw upload_error(
            "too-large", "more than the maximum of " + std::to_string(rules_.max_file) + " bytes"
        );
    store_->quota().claim(size, rules_.quota);
    claimed_ += size;
}

void incoming_file::append(std::span<const std::byte> piece) {
    grow(piece.size());
    while (!piece.empty()) {
        const ssize_t n = ::write(fd(), piece.data(), piece.size());
        if (n >= 0)
            piece = piece.subspan(static_cast<std::size_t>(n));
        else if (errno != EINTR)
            fail_storing(errno, "the file");
    }
}

void incoming_file::cut(std::uint64_t size) {
    if (::ftruncate(fd(), static_cast<off_t>(size)) != 0)
        fail_storing(errno, "the file");
    store_->quota().unclaim(claimed_ - size);
    claimed_ = size;
}

std::string incoming_file::publish(const std::string& name) {
    finish();
    make_durable();
    const unsigned counts = store_->quota().counts();
    std::string as = link_by_rule(name);
    finish_publishing(as);
    store_->quota().settle(std::exchange(claimed_, 0), replaced_, counts);
    if (lock_)
        lock_->publish(as);
    return as;
}

std::string incoming_file::publish_unnamed() {
    make_durable();
    const unsigned counts = store_->quota().counts();
    const std::string begin = "upload-" + utc_time() + '-';
    for (;;) {
        std::string name = begin + std::to_string(store_->next_number());
        const int error = link_as(store_->directory(), name);
        if (error == 0) {
            finish_publishing(name);
            store_->quota().settle(std::exchange(claimed_, 0), 0, counts);
            return name;
        }
        if (error != EEXIST)
            fail_storing(error, "the file's name");
    }
}

/// An error is final: what was not written then is not tried again, and so not resumed either.
void incoming_file::make_durable() {
    if (::fsync(fd()) == 0)
        return;
    keep_ = false;
    fail_storing(errno, "the file");
}

/// 0, or an errno. Never follows or replaces what is there.
int incoming_file::link_as(int directory, const std::string& name) const {
    const std::string self = "/proc/self/fd/" + std::to_string(fd());
    if (::linkat(AT_FDCWD, self.c_str(), directory, name.c_str(), AT_SYMLINK_FOLLOW) == 0)
        return 0;
    if (errno != ENOENT)
        return errno;
    // Without /proc, which takes a privilege.
    return ::linkat(fd(), "", directory, name.c_str(), AT_EMPTY_PATH) == 0 ? 0 : errno;
}

std::string incoming_file::link_by_rule(const std::string& name) {
    if (rules_.existing == existing_file::replace) {
        replace(name);
        return name;
    }
    std::string as = name;
    for (unsigned number = 1; number < most_numbers; ++number) {
        const int error = link_as(store_->directory(), as);
        if (error == 0)
            return as;
        if (error != EEXIST)
            fail_storing(error, "the file's name");
        if (rules_.existing == existing_file::refuse)
            break;
        as = numbered_name(name, number);
    }
    throw upload_error("exists", "file_name: there is a file of this name already");
}

/// By a name in passing among the partials, so that at each moment one of the two has the name. It
/// is locked before: another server that is starting removes such names.
void incoming_file::replace(const std::string& name) {
    const int where = store_->partials().directory();
    const std::string passing = upload_partials::passing_name();
    if (!lock_file(fd()))
        fail_storing(errno, "the file's name");
    if (const int error = link_as(where, passing))
        fail_storing(error, "the file's name");
    try {
        replaced_ = store_->replace(passing, name);
    } catch (const upload_error&) {
        store_->partials().remove(passing);
        throw;
    }
}

/// Where the power goes before a partial name is seen to be gone, it is a second name of this file,
/// and recognized by that.
void incoming_file::finish_publishing(const std::string& name) {
    keep_ = false;
    if (::fsync(store_->directory()) != 0) {
        const int error = errno;
        ::unlinkat(store_->directory(), name.c_str(), 0);
        fail_storing(error, "the directory");
    }
    remove_partial();
}

void incoming_file::remove_partial() noexcept {
    if (!partial_.empty())
        store_->partials().remove(partial_);
}

}  // namespace coserve
