#include "upload_store.hpp"

#include "directory_files.hpp"
#include "protocol/upload_error.hpp"

#include <coserve/error.hpp>

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coserve {

namespace {

void make_directories(const std::string& path) {
    for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
        ::mkdir(path.substr(0, at).c_str(), 0777);
        if (at == path.npos)
            return;
    }
}

}  // namespace

file_descriptor open_upload_directory(const std::string& path) {
    make_directories(path);
    file_descriptor opened(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened)
        throw configuration_error(
            "cannot open the upload directory " + path + ": " + text_of(errno)
        );
    if (::faccessat(opened.get(), ".", W_OK | X_OK, AT_EACCESS) != 0)
        throw configuration_error(
            "cannot write to the upload directory " + path + ": " + text_of(errno)
        );
    return opened;
}

upload_store::upload_store(file_descriptor directory)
    : directory_(std::move(directory)),
      quota_([this] { return stored_bytes(); }),
      partials_(directory_.get(), quota_) {}

std::uint64_t upload_store::stored_bytes() const {
    std::uint64_t sum = 0;
    for (const directory_file& file : files_of(directory_.get()))
        sum += static_cast<std::uint64_t>(file.about.st_size);
    return sum;
}

void upload_store::check_name(const std::string& name, existing_file rule) const {
    struct stat about{};
    if (::fstatat(directory_.get(), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    if (rule == existing_file::refuse || (rule == existing_file::replace && S_ISDIR(about.st_mode)))
        throw upload_error("exists", "file_name: there is a file of this name already");
}

std::uint64_t upload_store::replace(const std::string& passing, const std::string& name) {
    const int from = partials_.directory();
    const std::lock_guard lock(replacing_);
    struct stat before{};
    const bool counts =
        ::fstatat(directory_.get(), name.c_str(), &before, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(before.st_mode);
    if (::renameat(from, passing.c_str(), directory_.get(), name.c_str()) == 0)
        return counts ? static_cast<std::uint64_t>(before.st_size) : 0;
    if (errno == EISDIR || errno == ENOTEMPTY || errno == EEXIST)
        throw upload_error("exists", "file_name: there is a directory of this name");
    fail_storing(errno, "the file's name");
}

}  // namespace coserve
