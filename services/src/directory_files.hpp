/// \file
/// Files by their names in a directory that is open. Everything here blocks on the disk.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>
#include <sys/types.h>

namespace coserve {

/// Nothing that stands in a name leads out of the directory: no link is followed.
/// Errors: -1, and errno.
int open_beneath(int directory, const std::string& name, int flags, mode_t mode = 0) noexcept;

struct directory_file {
    std::string name;
    struct stat about;
};

/// The regular files.
std::vector<directory_file> files_of(int directory);

/// Makes an open file ours, until it is closed, among all that ask for it: other processes too.
/// False: it is another's.
bool lock_file(int file) noexcept;

/// "No such file or directory".
std::string text_of(int error);

/// Errors: always an `upload_error`: what the disk says, in the words that clients know.
[[noreturn]] void fail_storing(int error, std::string_view what);

}  // namespace coserve
