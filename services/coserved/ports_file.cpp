#include "ports_file.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <cerrno>
#include <cstdio>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coserved {
namespace {

std::string to_json(std::span<const bound_listener> listeners) {
    boost::json::array entries;
    for (const bound_listener& l : listeners)
        entries.push_back(boost::json::object{{"service", l.service}, {"url", l.url}});
    return boost::json::serialize(entries) + '\n';
}

[[noreturn]] void fail(const std::string& path) {
    throw std::system_error(errno, std::generic_category(), "cannot write the ports file " + path);
}

void write_all(int fd, std::string_view text, const std::string& path) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0)
            fail(path);
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

void write_file(const std::string& name, std::string_view text, const std::string& path) {
    const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        fail(path);
    write_all(fd, text, path);
    if (::close(fd) != 0)
        fail(path);
}

/// A pipe or a device, such as /dev/stdout, which a file must not take the place of.
bool is_special(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
}

}  // namespace

void write_ports_file(const std::string& path, std::span<const bound_listener> listeners) {
    const std::string text = to_json(listeners);
    if (is_special(path)) {
        write_file(path, text, path);
        return;
    }
    const std::string partial = path + ".partial-" + std::to_string(::getpid());
    try {
        write_file(partial, text, path);
        if (std::rename(partial.c_str(), path.c_str()) != 0)
            fail(path);
    } catch (const std::system_error&) {
        ::unlink(partial.c_str());
        throw;
    }
}

}  // namespace coserved
