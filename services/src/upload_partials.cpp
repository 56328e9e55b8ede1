#include "upload_partials.hpp"

#include "protocol/upload_error.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coserve {

namespace {

constexpr const char* directory_name = ".coserve-partial";
constexpr std::string_view passing_prefix = "tmp-";

bool is_passing(const std::string& file_name) noexcept {
    return file_name.starts_with(passing_prefix);
}

bool is_too_old(const struct stat& about, const upload_rules& rules) {
    const auto age = std::chrono::seconds(std::time(nullptr) - about.st_mtim.tv_sec);
    return rules.partial_age.count() != 0 && age > rules.partial_age;
}

std::uint64_t size_of(const directory_file& file) noexcept {
    return static_cast<std::uint64_t>(file.about.st_size);
}

auto last_change(const directory_file& file) noexcept {
    return std::pair(file.about.st_mtim.tv_sec, file.about.st_mtim.tv_nsec);
}

}  // namespace

upload_partials::upload_partials(int parent, upload_quota& quota)
    : parent_(parent),
      quota_(quota),
      directory_(open_beneath(parent, directory_name, O_RDONLY | O_DIRECTORY)) {
    if (directory_)
        clean();
}

int upload_partials::directory() {
    const std::lock_guard lock(mutex_);
    if (directory_)
        return directory_.get();
    if (::mkdirat(parent_, directory_name, 0700) != 0 && errno != EEXIST)
        fail_storing(errno, "the directory of partial files");
    directory_ = file_descriptor(open_beneath(parent_, directory_name, O_RDONLY | O_DIRECTORY));
    if (!directory_)
        fail_storing(errno, "the directory of partial files");
    return directory_.get();
}

std::string upload_partials::passing_name() {
    std::random_device random;
    std::string name(passing_prefix);
    for (int i = 0; i < 4; ++i)
        name += std::to_string(random()) + (i < 3 ? "-" : "");
    return name;
}

/// A second name of a file is what a server leaves that is killed right after it published one.
void upload_partials::clean() {
    for (const directory_file& file : files_of(directory_.get())) {
        const bool goes = is_passing(file.name) || file.about.st_nlink > 1;
        if (!goes || !remove_abandoned(file.name))
            quota_.add_kept(is_passing(file.name) ? 0 : size_of(file));
    }
}

void upload_partials::trim(const upload_rules& rules) {
    trim_to(rules, rules.max_partials);
}

void upload_partials::trim_at_times(const upload_rules& rules) {
    using std::chrono::steady_clock;
    const auto now = steady_clock::now();
    auto due = next_trim_.load();
    if (now >= due && next_trim_.compare_exchange_strong(due, now + std::chrono::seconds(1)))
        trim(rules);
}

void upload_partials::make_room(const upload_rules& rules) {
    const std::size_t count = trim_to(rules, rules.max_partials - 1);
    if (count >= rules.max_partials)
        throw upload_error(
            "busy", "resume: there are " + std::to_string(count) + " resumable uploads already"
        );
}

/// How many are left.
std::size_t upload_partials::trim_to(const upload_rules& rules, std::size_t most) {
    {
        const std::lock_guard lock(mutex_);
        if (!directory_)
            return 0;
    }
    std::vector<directory_file> files = files_of(directory_.get());
    std::erase_if(files, [](const directory_file& f) { return is_passing(f.name); });
    std::size_t count = files.size();
    std::erase_if(files, [this](const directory_file& f) {
        return locks_.writer_of(f.name) != nullptr;
    });
    std::ranges::sort(files, {}, &last_change);
    std::uint64_t size = 0;
    for (const directory_file& file : files)
        size += size_of(file);
    for (const directory_file& file : files) {
        const bool too_large = rules.partial_size != 0 && size > rules.partial_size;
        if (count <= most && !too_large && !is_too_old(file.about, rules))
            break;
        if (!remove_abandoned(file.name))
            continue;
        quota_.remove_kept(size_of(file));
        size -= size_of(file);
        --count;
    }
    return count;
}

/// False: another server writes it, or it has gone.
bool upload_partials::remove_abandoned(const std::string& file_name) noexcept {
    const file_descriptor file(open_beneath(directory_.get(), file_name, O_RDONLY | O_NONBLOCK));
    return file && lock_file(file.get()) && ::unlinkat(directory_.get(), file_name.c_str(), 0) == 0;
}

void upload_partials::remove(const std::string& file_name) noexcept {
    ::unlinkat(directory_.get(), file_name.c_str(), 0);
}

bool upload_partials::sync() noexcept {
    return ::fsync(directory_.get()) == 0;
}

}  // namespace coserve
