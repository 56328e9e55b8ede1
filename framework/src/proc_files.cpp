#include "proc_files.hpp"

#include "pidfd.hpp"
#include "unique_fd.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <string>
#include <string_view>
#include <unistd.h>

namespace coserve {

namespace {

struct close_directory {
    void operator()(DIR* d) const noexcept { ::closedir(d); }
};

std::optional<pid_t> number_in(std::string_view text) {
    pid_t n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return n;
}

template <class F>
void each_number(const char* directory, F visit) {
    const std::unique_ptr<DIR, close_directory> d(::opendir(directory));
    while (const dirent* const entry = d ? ::readdir(d.get()) : nullptr) {
        if (const auto n = number_in(entry->d_name))
            visit(*n);
    }
}

std::string contents_of(const unique_fd& file) {
    std::string all;
    std::array<char, 4096> piece;
    for (ssize_t size = 1; file && size > 0;) {
        size = ::read(file.get(), piece.data(), piece.size());
        if (size > 0)
            all.append(piece.data(), static_cast<std::size_t>(size));
    }
    return all;
}

std::string contents(const char* path) {
    return contents_of(unique_fd(::open(path, O_RDONLY | O_CLOEXEC)));
}

using path_text = std::array<char, 64>;

unique_fd open_children(pid_t process, pid_t thread) {
    path_text path;
    std::snprintf(path.data(), path.size(), "/proc/%d/task/%d/children", process, thread);
    return unique_fd(::open(path.data(), O_RDONLY | O_CLOEXEC));
}

void add_children(const unique_fd& file, std::vector<pid_t>& all) {
    const std::string text = contents_of(file);
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t end = std::min(rest.find(' '), rest.size());
        if (const auto n = number_in(rest.substr(0, end)))
            all.push_back(*n);
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

}  // namespace

std::optional<process_stat> stat_of(pid_t id) noexcept {
    path_text path;
    std::snprintf(path.data(), path.size(), "/proc/%d/stat", id);
    const std::string text = contents(path.data());
    // The name, in parentheses, may hold anything.
    const std::size_t name_end = text.rfind(')');
    if (name_end == text.npos)
        return std::nullopt;
    char state = 0;
    int parent = 0, group = 0, session = 0;
    if (std::sscanf(
            text.c_str() + name_end + 1, " %c %d %d %d", &state, &parent, &group, &session
        ) != 4)
        return std::nullopt;
    return process_stat{parent, session, state == 'Z' || state == 'X'};
}

std::vector<pid_t> children_of(pid_t id) {
    std::vector<pid_t> all;
    path_text path;
    std::snprintf(path.data(), path.size(), "/proc/%d/task", id);
    each_number(path.data(), [&](pid_t thread) { add_children(open_children(id, thread), all); });
    return all;
}

std::optional<std::vector<pid_t>> own_first_children() {
    std::vector<pid_t> all;
    const unique_fd file = open_children(::getpid(), ::getpid());
    if (!file)  // a kernel may not have it at all, then there are none to be told of
        return lacks_descriptors(errno) ? std::nullopt : std::optional(all);
    add_children(file, all);
    return all;
}

std::vector<pid_t> members_of_session(pid_t session) {
    std::vector<pid_t> all;
    each_number("/proc", [&](pid_t id) {
        if (const auto s = stat_of(id); s && s->session == session)
            all.push_back(id);
    });
    return all;
}

std::chrono::nanoseconds processor_wait_of(pid_t id) {
    path_text path;
    std::snprintf(path.data(), path.size(), "/proc/%d/schedstat", id);
    long long waited = 0;
    if (std::sscanf(contents(path.data()).c_str(), "%*d %lld", &waited) != 1)
        return {};
    return std::chrono::nanoseconds(waited);
}

std::string cgroup_of(pid_t id) {
    path_text path;
    std::snprintf(path.data(), path.size(), "/proc/%d/cgroup", id);
    std::string text = "\n";
    text += contents(path.data());
    constexpr std::string_view version_2 = "\n0::";
    const std::size_t begin = text.find(version_2);
    if (begin == text.npos)
        return {};
    const std::size_t name = begin + version_2.size();
    return text.substr(name, text.find('\n', name) - name);
}

}  // namespace coserve
