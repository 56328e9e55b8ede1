// What the tests of child processes share.
#pragma once

#include "proc_files.hpp"

#include <coserve/subprocess.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <vector>

namespace coserve::child_check {

inline std::string text_of(const bytes& b) {
    return {reinterpret_cast<const char*>(b.data()), b.size()};
}

// In the environment of a child, and of all that it starts: finds them whatever they do.
class mark {
public:
    mark()
        : text_("COSERVE_TEST_MARK=" + std::to_string(::getpid()) + '.' + std::to_string(next_++)) {
    }

    const std::string& text() const noexcept { return text_; }

    // Numbers of those that live; a zombie has no environment.
    std::vector<pid_t> survivors() const {
        std::vector<pid_t> all;
        for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
            const std::string name = entry.path().filename();
            if (name.find_first_not_of("0123456789") != name.npos)
                continue;
            std::ifstream file(entry.path() / "environ", std::ios::binary);
            const std::string environment(std::istreambuf_iterator<char>(file), {});
            if (environment.find(text_) != environment.npos)
                all.push_back(std::stoi(name));
        }
        return all;
    }

    // Whether there are so many of them, at last.
    bool await(std::size_t count, std::chrono::milliseconds limit) const {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (survivors().size() != count) {
            if (std::chrono::steady_clock::now() > end)
                return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        return true;
    }

private:
    static inline std::atomic<unsigned> next_ = 0;

    std::string text_;
};

inline subprocess_options sh(std::string command) {
    auto o = subprocess_options::shell(std::move(command));
    o.environment = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8"};
    return o;
}

inline subprocess_options sh(std::string command, const mark& m) {
    auto o = sh(std::move(command));
    o.environment.push_back(m.text());
    return o;
}

// Children of this process, ended ones included.
inline std::vector<pid_t> own_children() {
    return children_of(::getpid());
}

inline std::size_t zombies() {
    return static_cast<std::size_t>(std::ranges::count_if(own_children(), [](pid_t id) {
        const auto s = stat_of(id);
        return s && s->zombie;
    }));
}

inline std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

}  // namespace coserve::child_check
