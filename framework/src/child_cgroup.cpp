#include "child_cgroup.hpp"

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

// This process's own, below that: the line "0::/path".
std::string own_path() {
    std::ifstream all("/proc/self/cgroup");
    for (std::string line; std::getline(all, line);) {
        if (line.starts_with("0::"))
            return line.substr(3);
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
void remove_left_over(const std::string& where) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(where, ignored)) {
        const std::string name = entry.path().filename();
        if (!name.starts_with(name_prefix))
            continue;
        const int id = std::atoi(name.c_str() + name_prefix.size());
        if (id > 0 && ::kill(id, 0) != 0 && errno == ESRCH)
            remove_with_children(entry.path());
    }
}

}  // namespace

class cgroup_pool : public std::enable_shared_from_this<cgroup_pool> {
public:
    static std::shared_ptr<cgroup_pool> make() {
        const std::string mount = mount_point(), own = own_path();
        if (mount.empty() || own.empty())
            return nullptr;
        const std::string where = mount + (own == "/" ? "" : own) + '/';
        remove_left_over(where);
        const std::string path = where + std::string(name_prefix) + std::to_string(::getpid());
        if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
            return nullptr;
        unique_fd base(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!base || ::faccessat(base.get(), "cgroup.kill", W_OK, 0) != 0) {
            ::rmdir(path.c_str());
            return nullptr;
        }
        return std::make_shared<cgroup_pool>(path, std::move(base));
    }

    cgroup_pool(std::string path, unique_fd base) noexcept
        : path_(std::move(path)), base_(std::move(base)) {}

    cgroup_pool(const cgroup_pool&) = delete;
    cgroup_pool& operator=(const cgroup_pool&) = delete;

    ~cgroup_pool() {
        for (const kept& k : free_)
            ::unlinkat(base_.get(), k.name.c_str(), AT_REMOVEDIR);
        ::rmdir(path_.c_str());
    }

    child_cgroup take() {
        {
            const std::scoped_lock lock(mutex_);
            if (!free_.empty()) {
                kept k = std::move(free_.back());
                free_.pop_back();
                return {shared_from_this(), std::move(k.name), std::move(k.directory)};
            }
        }
        std::string name = std::to_string(next_++);
        if (::mkdirat(base_.get(), name.c_str(), 0755) != 0)
            throw system_error(errno, boost::system::system_category(), "cannot make a cgroup");
        unique_fd directory = open_at(base_.get(), name.c_str(), O_RDONLY | O_DIRECTORY);
        if (!directory) {
            const int error = errno;
            ::unlinkat(base_.get(), name.c_str(), AT_REMOVEDIR);
            throw system_error(error, boost::system::system_category(), "cannot open a cgroup");
        }
        return {shared_from_this(), std::move(name), std::move(directory)};
    }

    void give(std::string name, unique_fd directory, bool reusable) noexcept {
        const std::scoped_lock lock(mutex_);
        if (reusable && free_.size() < most_kept)
            free_.push_back({std::move(name), std::move(directory)});
        else
            ::unlinkat(base_.get(), name.c_str(), AT_REMOVEDIR);
    }

private:
    struct kept {
        std::string name;
        unique_fd directory;
    };

    static constexpr std::size_t most_kept = 64;

    const std::string path_;
    const unique_fd base_;
    std::mutex mutex_;
    std::vector<kept> free_;
    std::atomic<unsigned> next_ = 0;
};

namespace {

// One for the process, whose own cgroup it stands below; gone with the last child.
struct process_wide {
    std::mutex mutex;
    std::shared_ptr<cgroup_pool> pool;
};

process_wide& here() {
    static process_wide one;
    return one;
}

}  // namespace

bool use_cgroups() {
    const std::scoped_lock lock(here().mutex);
    if (!here().pool)
        here().pool = cgroup_pool::make();
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

child_cgroup::child_cgroup(
    std::shared_ptr<cgroup_pool> pool, std::string name, unique_fd directory
) noexcept
    : pool_(std::move(pool)), name_(std::move(name)), directory_(std::move(directory)) {}

child_cgroup::~child_cgroup() {
    if (pool_)
        pool_->give(std::move(name_), std::move(directory_), !killed_ && empty());
}

void child_cgroup::signal(int number) const noexcept {
    const unique_fd file = open_at(directory(), "cgroup.procs", O_RDONLY);
    std::string text;
    std::array<char, 4096> piece;
    for (ssize_t size = 1; file && size > 0;) {
        size = ::read(file.get(), piece.data(), piece.size());
        if (size > 0)
            text.append(piece.data(), static_cast<std::size_t>(size));
    }
    std::istringstream numbers(text);
    for (pid_t id = 0; numbers >> id;)
        ::kill(id, number);
}

// Not to be used again: Linux 6.18 kills whoever is cloned into a group that once was killed.
void child_cgroup::kill() noexcept {
    killed_ = true;
    write_at(directory(), "cgroup.kill", "1");
}

bool child_cgroup::empty() noexcept {
    if (empty_)
        return true;
    const unique_fd file = open_at(directory(), "cgroup.events", O_RDONLY);
    std::array<char, 256> text;
    const ssize_t size = file ? ::read(file.get(), text.data(), text.size()) : -1;
    if (size > 0)
        empty_ =
            std::string_view(text.data(), static_cast<std::size_t>(size)).find("populated 0") !=
            std::string_view::npos;
    return empty_;
}

}  // namespace coserve
