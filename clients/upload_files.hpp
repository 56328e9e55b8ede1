/// \file
/// Which files a command line means.
#pragma once

#include <string>
#include <vector>

namespace coserve_client {

struct upload_file {
    std::string path;
    std::string name;  ///< at the server: one component
};

/// The files in the order of `paths`; with `recursive` a directory stands for the regular files in
/// it and below it, in the order of their names. Symbolic links are followed where they are named,
/// and not where they are found.
/// Errors: `coserve::configuration_error` for a directory without `recursive`, for what is no file,
/// and for two files of one name.
std::vector<upload_file> find_files(const std::vector<std::string>& paths, bool recursive);

}  // namespace coserve_client
