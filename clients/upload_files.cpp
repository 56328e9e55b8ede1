#include "upload_files.hpp"

#include <coserve/error.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>

namespace coserve_client {
namespace {

namespace fs = std::filesystem;

using coserve::configuration_error;

/// "photos/" is "photos" too.
std::string last_component(const fs::path& path) {
    return (path.has_filename() ? path : path.parent_path()).filename().string();
}

std::vector<fs::path> files_below(const fs::path& directory) {
    std::vector<fs::path> found;
    for (const fs::directory_entry& e : fs::recursive_directory_iterator(directory))
        if (e.is_regular_file() && !e.is_symlink())
            found.push_back(e.path());
    std::ranges::sort(found);
    return found;
}

void add(const std::string& path, bool recursive, std::vector<fs::path>& into) {
    std::error_code error;
    const fs::file_status what = fs::status(path, error);
    if (fs::is_directory(what) && !recursive)
        throw configuration_error(path + ": is a directory; -r uploads the files in it");
    if (fs::is_directory(what))
        std::ranges::copy(files_below(path), std::back_inserter(into));
    else if (fs::is_regular_file(what))
        into.emplace_back(path);
    else if (fs::exists(what))
        throw configuration_error(path + ": is not a file");
    else
        throw configuration_error(
            path + ": " + (error ? error.message() : std::string("No such file or directory"))
        );
}

}  // namespace

std::vector<upload_file> find_files(const std::vector<std::string>& paths, bool recursive) {
    std::vector<fs::path> found;
    try {
        for (const std::string& path : paths)
            add(path, recursive, found);
    } catch (const fs::filesystem_error& e) {
        throw configuration_error(e.path1().string() + ": " + e.code().message());
    }
    std::vector<upload_file> files;
    std::map<std::string, std::string> places;
    for (const fs::path& path : found) {
        upload_file file{path.string(), last_component(path)};
        if (const auto [at, is_new] = places.emplace(file.name, file.path); !is_new)
            throw configuration_error(
                file.path + ": " + at->second + " has the same name, and the server keeps no paths"
            );
        files.push_back(std::move(file));
    }
    return files;
}

}  // namespace coserve_client
