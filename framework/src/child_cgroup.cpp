#include "child_cgroup.hpp"

#include "pidfd.hpp"
#include "proc_files.hpp"

#include <coserve/error.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace coserve {

namespace {

constexpr std::string_view name_prefix = "coserve-";

unique_fd open_at(int directory, const char* name, int flags) {
    return unique_fd(::openat(directory, name, flags | O_CLOEXEC));
}

bool write_at(int directory, const char* name, std::string_view text) noexcept {
    const unique_fd file = open_at(directory, name, O_WRONLY);
    return file &&
           ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// Where version 2 is mounted; empty: nowhere.
std::string mount_point() {
    std::ifstream mounts("/proc/self/mounts");
    std::string device, path, type, rest;
    while (mounts >> device >> path >> type && std::getline(mounts, rest)) {
        if (type == "cgroup2")
            return path;
    }
    return {};
}

void remove_with_children(const std::string& path) noexcept {
    std::error_code ignored;
    for (const auto& below : std::filesystem::directory_iterator(path, ignored))
        ::rmdir(below.path().c_str());
    ::rmdir(path.c_str());
}

// What those have left that were killed. The kernel keeps them where somebody lives in one.
//
// `own`: also what one has left that had this process's number.
void remove_left_over(const std::string& where, bool own) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(where, ignored)) {
        const std::string name = entry.path().filename();
        if (!name.starts_with(name_prefix))
            continue;
        const int id = std::atoi(name.c_str() + name_prefix.size());
        if (id == ::getpid() ? own : id > 0 && ::kill(id, 0) != 0 && errno == ESRCH)
            remove_with_children(entry.path());
    }
}

// One that nobody had; its name. Empty: it cannot be made.
std::string make_own_directory(const std::string& where) {
    constexpr int most_tried = 1000;
    const std::string first = std::string(name_prefix) + std::to_string(::getpid());
    for (int number = 0; number < most_tried; ++number) {
        std::string name = number == 0 ? first : first + '-' + std::to_string(number);
        if (::mkdir((where + name).c_str(), 0755) == 0)
            return name;
        if (errno != EEXIST)
            break;
    }
    return {};
}

}  // namespace

class cgroup_pool : public std::enable_shared_from_this<cgroup_pool> {
public:
    // `first`: of this process.
    static std::shared_ptr<cgroup_pool> make(bool first) {
        const std::string mount = mount_point(), own = cgroup_of(::getpid());
        if (mount.empty() || own.empty())
            return nullptr;
        const std::string where = mount + (own == "/" ? "" : own) + '/';
        remove_left_over(where, first);
        const std::string name = make_own_directory(where);
        if (name.empty())
            return nullptr;
        const std::string path = where + name;
        unique_fd base(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!base || ::faccessat(base.get(), "cgroup.kill", W_OK, 0) != 0) {
            ::rmdir(path.c_str());
            return nullptr;
        }
        return std::make_shared<cgroup_pool>(path, name, std::move(base));
    }

    cgroup_pool(std::string path, std::string name, unique_fd base) noexcept
        : path_(std::move(path)), name_(std::move(name)), base_(std::move(base)) {}

    cgroup_pool(const cgroup_pool&) = delete;
    cgroup_pool& operator=(const cgroup_pool&) = delete;

    ~cgroup_pool() {
        for (const cgroup_files& each : free_)
            ::unlinkat(base_.get(), each.name.c_str(), AT_REMOVEDIR);
        ::rmdir(path_.c_str());
    }

    child_cgroup take() {
        {
            const std::scoped_lock lock(mutex_);
            if (!free_.empty()) {
                cgroup_files last = std::move(free_.back());
                free_.pop_back();
                return {shared_from_this(), std::move(last)};
            }
        }
        cgroup_files made{make_next(), {}, {}};
        made.directory = open_at(base_.get(), made.name.c_str(), O_RDONLY | O_DIRECTORY);
        if (made.directory)
            made.events = open_at(made.directory.get(), "cgroup.events", O_RDONLY);
        if (!made.events) {
            const int error = errno;
            ::unlinkat(base_.get(), made.name.c_str(), AT_REMOVEDIR);
            throw system_error(error, boost::system::system_category(), "cannot open a cgroup");
        }
        return {shared_from_this(), std::move(made)};
    }

    void give(cgroup_files files, bool reusable) noexcept {
        const std::scoped_lock lock(mutex_);
        if (reusable && free_.size() < most_kept)
            free_.push_back(std::move(files));
        else
            ::unlinkat(base_.get(), files.name.c_str(), AT_REMOVEDIR);
    }

    // It may be in one below, which it has made itself.
    bool has(const std::string& name, pid_t process) const {
        return (cgroup_of(process) + '/').find('/' + name_ + '/' + name + '/') != std::string::npos;
    }

private:
    std::string make_next() {
        for (;;) {
            std::string name = std::to_string(next_++);
            if (::mkdirat(base_.get(), name.c_str(), 0755) == 0)
                return name;
            if (errno != EEXIST)
                throw system_error(errno, boost::system::system_category(), "cannot make a cgroup");
        }
    }

    static constexpr std::size_t most_kept = 64;

    const std::string path_, name_;
    const unique_fd base_;
    std::mutex mutex_;
    std::vector<cgroup_files> free_;
    std::atomic<unsigned> next_ = 0;
};

namespace {

// One for the process, whose own cgroup it stands below; gone with the last child.
struct process_wide {
    std::mutex mutex;
    std::shared_ptr<cgroup_pool> pool;
    bool is_first = true;
};

process_wide& here() {
    static process_wide one;
    return one;
}

}  // namespace

bool use_cgroups() {
    const std::scoped_lock lock(here().mutex);
    if (!here().pool)
        here().pool = cgroup_pool::make(std::exchange(here().is_first, false));
    return here().pool != nullptr;
}

void use_no_cgroups() noexcept {
    const std::scoped_lock lock(here().mutex);
    here().pool.reset();
}

child_cgroup make_child_cgroup() {
    std::shared_ptr<cgroup_pool> pool;
    {
        const std::scoped_lock lock(here().mutex);
        pool = here().pool;
    }
    return pool ? pool->take() : child_cgroup();
}

child_cgroup::child_cgroup(std::shared_ptr<cgroup_pool> pool, cgroup_files files) noexcept
    : pool_(std::move(pool)), files_(std::move(files)) {}

child_cgroup::~child_cgroup() {
    if (pool_)
        pool_->give(std::move(files_), !killed_ && empty());
}

void child_cgroup::signal(int number) const {
    const unique_fd file = open_at(directory(), "cgroup.procs", O_RDONLY);
    std::string text;
    std::array<char, 4096> piece;
    for (ssize_t size = 1; file && size > 0;) {
        size = ::read(file.get(), piece.data(), piece.size());
        if (size > 0)
            text.append(piece.data(), static_cast<std::size_t>(size));
    }
    std::istringstream numbers(text);
    // 0: of another namespace.
    for (pid_t id = 0; numbers >> id;) {
        const unique_fd process = id != 0 ? open_process(id) : unique_fd();
        // The number may have become another's since it was read.
        if (process && pool_->has(files_.name, id))
            send_signal(process, number);
    }
}

// Not to be used again: Linux 6.18 kills whoever is cloned into a group that once was killed.
void child_cgroup::kill() noexcept {
    killed_ = true;
    write_at(directory(), "cgroup.kill", "1");
}

bool child_cgroup::empty() noexcept {
    if (empty_)
        return true;
    std::array<char, 256> text;
    const ssize_t size = ::pread(files_.events.get(), text.data(), text.size(), 0);
    if (size > 0)
        empty_ =
            std::string_view(text.data(), static_cast<std::size_t>(size)).find("populated 0") !=
            std::string_view::npos;
    return empty_;
}

}  // namespace coserve
