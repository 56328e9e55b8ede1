#include "directory_files.hpp"

#include "protocol/upload_error.hpp"

#include <cerrno>
#include <cstdint>
#include <memory>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace coserve {

int open_beneath(int directory, const std::string& name, int flags, mode_t mode) noexcept {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
    how.mode = mode;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const long fd = ::syscall(SYS_openat2, directory, name.c_str(), &how, sizeof how);
    if (fd >= 0 || errno != ENOSYS)
        return static_cast<int>(fd);
    return ::openat(directory, name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, mode);  // before 5.6
}

std::vector<directory_file> files_of(int directory) {
    std::vector<directory_file> files;
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

bool lock_file(int file) noexcept {
    return ::flock(file, LOCK_EX | LOCK_NB) == 0;
}

std::string text_of(int error) {
    return std::generic_category().message(error);
}

void fail_storing(int error, std::string_view what) {
    const std::string sentence = std::string(what) + ": " + text_of(error);
    if (error == ENOSPC || error == EDQUOT)
        throw upload_error("no-space", sentence);
    if (error == EFBIG)
        throw upload_error("too-large", sentence);
    throw upload_error("storage", sentence);
}

}  // namespace coserve
