#include <coserve/services/exec_policy.hpp>

#include <coserve/error.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <unistd.h>

namespace coserve {

namespace {

namespace fs = std::filesystem;

bool is_program(const fs::path& path) {
    std::error_code error;
    return fs::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

/// An empty part of it is the present directory, as for a shell.
std::optional<fs::path> search(const std::string& name) {
    const char* const set = std::getenv("PATH");
    std::string_view left = set ? set : "/usr/bin:/bin";
    for (bool more = true; more;) {
        const std::size_t end = left.find(':');
        const fs::path candidate = fs::path(left.substr(0, end)) / name;
        if (is_program(candidate))
            return candidate;
        more = end != left.npos;
        left.remove_prefix(more ? end + 1 : left.size());
    }
    return std::nullopt;
}

}  // namespace

void exec_policy::allow(const std::string& written) {
    if (written.find('/') == written.npos) {
        const auto found = written.empty() ? std::nullopt : search(written);
        if (!found)
            throw configuration_error(
                "exec-allow=" + written + ": there is no such program on the PATH; write its path"
            );
        programs_.push_back({written, fs::absolute(*found), written});
        return;
    }
    if (!is_program(written))
        throw configuration_error("exec-allow=" + written + ": is no file that can be executed");
    // Not what a link leads to: some programs do what they are called.
    const fs::path path = fs::absolute(written).lexically_normal();
    programs_.push_back({written, path, path.filename()});
}

std::optional<std::string> exec_policy::find(std::string_view name) const {
    for (const auto part : {&program::written, &program::path, &program::name}) {
        const auto found = std::ranges::find(programs_, name, part);
        if (found != programs_.end())
            return found->path;
    }
    return std::nullopt;
}

}  // namespace coserve
