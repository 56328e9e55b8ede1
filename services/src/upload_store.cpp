#include "upload_store.hpp"

#include "protocol/upload_error.hpp"
#include "protocol/upload_name.hpp"

#include <coserve/error.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <random>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace coserve {
namespace {

constexpr const char* partials_name = ".coserve-partial";
constexpr std::string_view unnamed_prefix = "tmp-";
constexpr unsigned most_numbers = 100'000;

/// A name that nobody else takes, not even a store of the same directory by another path, or in
/// another container.
std::string passing_name() {
    std::random_device random;
    std::string name(unnamed_prefix);
    for (int i = 0; i < 4; ++i)
        name += std::to_string(random()) + (i < 3 ? "-" : "");
    return name;
}

std::string text_of(int error) {
    return std::generic_category().message(error);
}

[[noreturn]] void fail(int error, const std::string& what) {
    if (error == ENOSPC || error == EDQUOT)
        throw upload_error("no-space", what + ": " + text_of(error));
    if (error == EFBIG)
        throw upload_error("too-large", what + ": " + text_of(error));
    throw upload_error("storage", what + ": " + text_of(error));
}

/// Nothing that stands in a name leads out of the directory.
int open_beneath(int directory, const char* name, int flags, mode_t mode = 0) noexcept {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
    how.mode = mode;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const long fd = ::syscall(SYS_openat2, directory, name, &how, sizeof how);
    if (fd >= 0 || errno != ENOSYS)
        return static_cast<int>(fd);
    return ::openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);  // Linux before 5.6
}

struct entry {
    std::string name;
    struct stat about;
};

/// The regular files of a directory.
std::vector<entry> files_of(int directory) {
    std::vector<entry> files;
    const int copy = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, int (*)(DIR*)> list(::fdopendir(copy), &::closedir);
    while (const dirent* e = list ? ::readdir(list.get()) : nullptr) {
        struct stat about{};
        if (::fstatat(directory, e->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(about.st_mode))
            files.push_back({e->d_name, about});
    }
    return files;
}

void make_directories(const std::string& path) {
    for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
        ::mkdir(path.substr(0, at).c_str(), 0777);
        if (at == path.npos)
            return;
    }
}

bool is_too_old(const struct stat& about, const upload_rules& rules) {
    const auto age = std::chrono::seconds(std::time(nullptr) - about.st_mtim.tv_sec);
    return rules.partial_age.count() != 0 && age > rules.partial_age;
}

std::string utc_time() {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    std::array<char, 32> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &utc)};
}

}  // namespace

// ---- the directory

upload_store::upload_store(const std::string& directory) {
    make_directories(directory);
    directory_ = file_descriptor(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory_)
        throw configuration_error(
            "cannot open the upload directory " + directory + ": " + text_of(errno)
        );
    if (::faccessat(directory_.get(), ".", W_OK | X_OK, AT_EACCESS) != 0)
        throw configuration_error(
            "cannot write to the upload directory " + directory + ": " + text_of(errno)
        );
    clean();
}

int upload_store::partials() {
    const std::lock_guard lock(mutex_);
    if (partials_)
        return partials_.get();
    if (::mkdirat(directory_.get(), partials_name, 0700) != 0 && errno != EEXIST)
        fail(errno, "the directory of partial files");
    partials_ =
        file_descriptor(open_beneath(directory_.get(), partials_name, O_RDONLY | O_DIRECTORY));
    if (!partials_)
        fail(errno, "the directory of partial files");
    return partials_.get();
}

/// Files that nobody holds and nobody can go on with.
void upload_store::clean() {
    const file_descriptor partials(
        open_beneath(directory_.get(), partials_name, O_RDONLY | O_DIRECTORY)
    );
    if (!partials)
        return;
    for (const entry& e : files_of(partials.get())) {
        if (!e.name.starts_with(unnamed_prefix))
            continue;
        const file_descriptor file(open_beneath(partials.get(), e.name.c_str(), O_RDWR));
        if (file && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0)
            ::unlinkat(partials.get(), e.name.c_str(), 0);
    }
}

void upload_store::check_name(const std::string& name, existing_file rule) const {
    struct stat about{};
    if (::fstatat(directory_.get(), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    if (rule == existing_file::refuse || (rule == existing_file::replace && S_ISDIR(about.st_mode)))
        throw upload_error("exists", "file_name: there is a file of this name already");
}

void upload_store::claim(std::uint64_t size, std::uint64_t quota) {
    const std::lock_guard lock(mutex_);
    const auto fits = [&] {
        const std::uint64_t taken = *stored_ + claimed_;
        return taken <= quota && size <= quota - taken;
    };
    if (quota != 0) {
        if (!stored_)
            stored_ = stored_bytes();
        else if (!fits())
            stored_ = stored_bytes();  // somebody may have removed files
        if (!fits())
            throw upload_error(
                "quota",
                "file_size: " + std::to_string(size) + " bytes are over the quota of " +
                    std::to_string(quota) + " for all files"
            );
    }
    claimed_ += size;
}

void upload_store::unclaim(std::uint64_t size, std::optional<std::uint64_t> stored) noexcept {
    const std::lock_guard lock(mutex_);
    claimed_ -= size;
    if (!stored)
        stored_.reset();
    else if (stored_)
        *stored_ += *stored;
}

/// Without those that somebody is writing, whose whole size is claimed.
std::uint64_t upload_store::stored_bytes() {
    std::uint64_t sum = 0;
    for (const entry& e : files_of(directory_.get()))
        sum += static_cast<std::uint64_t>(e.about.st_size);
    if (!partials_)
        return sum;
    for (const entry& e : files_of(partials_.get()))
        if (!writers_.contains(e.name))
            sum += static_cast<std::uint64_t>(e.about.st_size);
    return sum;
}

bool upload_store::lock_partial(const std::string& file_name, std::function<void()> stop) {
    const std::lock_guard lock(mutex_);
    return writers_.try_emplace(file_name, writer{std::move(stop), {}}).second;
}

void upload_store::unlock_partial(const std::string& file_name) noexcept {
    const std::lock_guard lock(mutex_);
    writers_.erase(file_name);
    stored_.reset();
}

void upload_store::set_position(
    const std::string& file_name, std::function<std::int64_t()> position
) {
    const std::lock_guard lock(mutex_);
    if (const auto found = writers_.find(file_name); found != writers_.end())
        found->second.position = std::move(position);
}

std::int64_t upload_store::position(const std::string& file_name) {
    const std::lock_guard lock(mutex_);
    const auto found = writers_.find(file_name);
    return found != writers_.end() && found->second.position ? found->second.position() : -1;
}

void upload_store::stop_writer(const std::string& file_name) {
    const std::lock_guard lock(mutex_);
    const auto found = writers_.find(file_name);
    if (found != writers_.end() && found->second.stop)
        found->second.stop();
}

void upload_store::make_room_for_partial(const upload_rules& rules) {
    const int where = partials();
    const std::lock_guard lock(mutex_);
    std::vector<entry> files = files_of(where);
    std::erase_if(files, [](const entry& e) { return e.name.starts_with(unnamed_prefix); });
    std::ranges::sort(files, {}, [](const entry& e) {
        return std::pair(e.about.st_mtim.tv_sec, e.about.st_mtim.tv_nsec);
    });
    std::size_t count = files.size();
    for (const entry& e : files) {
        if (count < rules.max_partials && !is_too_old(e.about, rules))
            break;
        if (!writers_.contains(e.name) && ::unlinkat(where, e.name.c_str(), 0) == 0)
            --count;
    }
    if (count >= rules.max_partials)
        throw upload_error(
            "busy", "resume: there are " + std::to_string(count) + " resumable uploads already"
        );
}

unsigned upload_store::next_number() noexcept {
    const std::lock_guard lock(mutex_);
    return ++number_;
}

// ---- a file on its way

incoming_file::incoming_file(
    std::shared_ptr<upload_store> store,
    const upload_rules& rules,
    std::optional<std::uint64_t> size
)
    : store_(std::move(store)), rules_(rules) {
    try {
        claim(size.value_or(0));
        open_unnamed();
        reserve();
    } catch (...) {
        give_up();
        throw;
    }
}

incoming_file::incoming_file(
    std::shared_ptr<upload_store> store,
    const upload_rules& rules,
    const partial_key& key,
    sha256& hash
)
    : store_(std::move(store)), rules_(rules), partial_(key.file_name()), locked_(true) {
    try {
        claim(key.size);
        const int where = store_->partials();
        struct stat about{};
        if (::fstatat(where, partial_.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0)
            store_->make_room_for_partial(rules_);
        open_named(partial_, O_RDWR | O_CREAT);
        keep_ = true;
        resume(hash);
        reserve();
    } catch (...) {
        give_up();
        throw;
    }
}

incoming_file::~incoming_file() {
    give_up();
}

/// What was not published goes, or stays as a partial file.
void incoming_file::give_up() noexcept {
    struct stat about{};
    if (keep_ && ::fstat(fd(), &about) == 0 && about.st_size != 0)
        // Gives back what was reserved behind its end.
        static_cast<void>(::ftruncate(fd(), about.st_size) == 0);
    else if (file_)
        remove_partial();
    if (locked_)
        store_->set_position(partial_, {});
    file_ = {};
    store_->unclaim(claimed_, keep_ ? std::nullopt : stored_);
    if (locked_)
        store_->unlock_partial(partial_);
}

void incoming_file::claim(std::uint64_t size) {
    if (rules_.max_file != 0 && size > rules_.max_file)
        throw upload_error(
            "too-large",
            "file_size: " + std::to_string(size) + " bytes, the maximum being " +
                std::to_string(rules_.max_file)
        );
    store_->claim(size, rules_.quota);
    claimed_ += size;
}

/// What is claimed, on the disk: one that fills up later is an error now.
void incoming_file::reserve() {
    if (claimed_ == 0)
        return;
    int error = 0;
    do {
        error = ::fallocate(fd(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(claimed_)) == 0
                    ? 0
                    : errno;
    } while (error == EINTR);
    if (error != EOPNOTSUPP) {
        if (error != 0)
            fail(error, "file_size: no room for " + std::to_string(claimed_) + " bytes");
        return;
    }
    struct statvfs room{};
    if (::fstatvfs(fd(), &room) == 0 && room.f_bavail < claimed_ / room.f_frsize)
        fail(ENOSPC, "file_size: no room for " + std::to_string(claimed_) + " bytes");
}

void incoming_file::open_unnamed() {
    file_ = file_descriptor(open_beneath(store_->directory(), ".", O_TMPFILE | O_RDWR, 0666));
    if (file_)
        return;
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)
        fail(errno, "a temporary file");
    // This file system has none without a name.
    partial_ = passing_name();
    open_named(partial_, O_RDWR | O_CREAT | O_EXCL);
}

void incoming_file::open_named(const std::string& file_name, int flags) {
    file_ = file_descriptor(open_beneath(store_->partials(), file_name.c_str(), flags, 0666));
    if (!file_)
        fail(errno, "a partial file");
    // Another server may use the same directory.
    if (::flock(fd(), LOCK_EX | LOCK_NB) != 0) {
        file_ = {};
        throw upload_error("busy", "resume: another server is writing this file");
    }
}

void incoming_file::resume(sha256& hash) {
    struct stat about{};
    if (::fstat(fd(), &about) != 0)
        fail(errno, "a partial file");
    if (std::cmp_greater(about.st_size, claimed_) && ::ftruncate(fd(), 0) != 0)
        fail(errno, "a partial file");
    std::vector<std::byte> piece(std::size_t{256} << 10);
    for (;;) {
        const ssize_t n = ::read(fd(), piece.data(), piece.size());
        if (n == 0)
            return;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            fail(errno, "a partial file");
        hash.feed(std::span(piece).first(static_cast<std::size_t>(n)));
        offset_ += static_cast<std::uint64_t>(n);
    }
}

std::int64_t incoming_file::position() const noexcept {
    return ::lseek(fd(), 0, SEEK_CUR);
}

void incoming_file::append(std::span<const std::byte> piece) {
    if (rules_.max_file != 0 && claimed_ + piece.size() > rules_.max_file)
        throw upload_error(
            "too-large", "more than the maximum of " + std::to_string(rules_.max_file) + " bytes"
        );
    store_->claim(piece.size(), rules_.quota);
    claimed_ += piece.size();
    while (!piece.empty()) {
        const ssize_t n = ::write(fd(), piece.data(), piece.size());
        if (n >= 0)
            piece = piece.subspan(static_cast<std::size_t>(n));
        else if (errno != EINTR)
            fail(errno, "the file");
    }
}

void incoming_file::cut(std::uint64_t size) {
    if (::ftruncate(fd(), static_cast<off_t>(size)) != 0)
        fail(errno, "the file");
    store_->unclaim(claimed_ - size, 0);
    claimed_ = size;
}

std::string incoming_file::publish(const std::string& name) {
    make_durable();
    std::string as = link_by_rule(name);
    finish_publishing(as);
    return as;
}

std::string incoming_file::publish_unnamed() {
    make_durable();
    const std::string begin = "upload-" + utc_time() + '-';
    for (;;) {
        const std::string name = begin + std::to_string(store_->next_number());
        const int error = link_as(name);
        if (error == 0) {
            finish_publishing(name);
            return name;
        }
        if (error != EEXIST)
            fail(error, "the file's name");
    }
}

/// An error is final: what was not written then is not tried again, and so not resumed either.
void incoming_file::make_durable() {
    if (::fsync(fd()) == 0)
        return;
    keep_ = false;
    fail(errno, "the file");
}

/// 0, or an errno. Never follows or replaces what is there.
int incoming_file::link_as(const std::string& name) const {
    const std::string self = "/proc/self/fd/" + std::to_string(fd());
    if (::linkat(AT_FDCWD, self.c_str(), store_->directory(), name.c_str(), AT_SYMLINK_FOLLOW) == 0)
        return 0;
    if (errno != ENOENT)
        return errno;
    // Without /proc, which takes a privilege.
    return ::linkat(fd(), "", store_->directory(), name.c_str(), AT_EMPTY_PATH) == 0 ? 0 : errno;
}

std::string incoming_file::link_by_rule(const std::string& name) {
    if (rules_.existing == existing_file::replace) {
        replace(name);
        return name;
    }
    std::string as = name;
    for (unsigned number = 1; number < most_numbers; ++number) {
        const int error = link_as(as);
        if (error == 0)
            return as;
        if (error != EEXIST)
            fail(error, "the file's name");
        if (rules_.existing == existing_file::refuse)
            break;
        as = numbered_name(name, number);
    }
    throw upload_error("exists", "file_name: there is a file of this name already");
}

/// By a name among the partials, so that at each moment one of the two has the name.
void incoming_file::replace(const std::string& name) {
    const int where = store_->partials();
    const std::string between = passing_name();
    const std::string self = "/proc/self/fd/" + std::to_string(fd());
    if (::linkat(AT_FDCWD, self.c_str(), where, between.c_str(), AT_SYMLINK_FOLLOW) != 0)
        fail(errno, "the file's name");
    if (::renameat(where, between.c_str(), store_->directory(), name.c_str()) == 0)
        return;
    const int error = errno;
    ::unlinkat(where, between.c_str(), 0);
    if (error == EISDIR || error == ENOTEMPTY || error == EEXIST)
        throw upload_error("exists", "file_name: there is a directory of this name");
    fail(error, "the file's name");
}

void incoming_file::finish_publishing(const std::string& name) {
    if (::fsync(store_->directory()) != 0) {
        const int error = errno;
        ::unlinkat(store_->directory(), name.c_str(), 0);
        keep_ = false;
        fail(error, "the directory");
    }
    keep_ = false;
    remove_partial();
    if (rules_.existing == existing_file::replace)
        stored_.reset();
    else
        stored_ = claimed_;
}

void incoming_file::remove_partial() noexcept {
    if (partial_.empty())
        return;
    try {
        ::unlinkat(store_->partials(), partial_.c_str(), 0);
    } catch (const upload_error&) {  // NOLINT(bugprone-empty-catch): then it was never made
    }
}

}  // namespace coserve
