#include <coserve/services/upload.hpp>

#include "upload_store.hpp"

#include <map>
#include <mutex>
#include <utility>

#include <sys/stat.h>

namespace coserve {

namespace {

/// The same for all paths of one directory.
using identity = std::pair<dev_t, ino_t>;

identity identity_of(const file_descriptor& directory) noexcept {
    struct stat about{};
    ::fstat(directory.get(), &about);
    return {about.st_dev, about.st_ino};
}

}  // namespace

struct upload_directories::state {
    std::string fallback;
    std::mutex mutex;  // never held while the disk is waited for
    std::map<std::string, std::shared_ptr<upload_store>> by_path;
    std::map<identity, std::shared_ptr<upload_store>> by_identity;
};

upload_directories::upload_directories(std::string fallback) : state_(std::make_shared<state>()) {
    state_->fallback = std::move(fallback);
}

bool upload_directories::was_chosen() const noexcept {
    return state_->fallback != usual;
}

const std::string& upload_directories::path_of(const std::string& directory) const noexcept {
    return directory.empty() ? state_->fallback : directory;
}

std::shared_ptr<upload_store> upload_directories::find(const std::string& directory) const {
    const std::lock_guard lock(state_->mutex);
    const auto found = state_->by_path.find(path_of(directory));
    return found == state_->by_path.end() ? nullptr : found->second;
}

std::shared_ptr<upload_store> upload_directories::open(const std::string& directory) const {
    if (auto known = find(directory))
        return known;
    const std::string& path = path_of(directory);
    file_descriptor opened = open_upload_directory(path);
    const identity which = identity_of(opened);
    const auto store = std::make_shared<upload_store>(std::move(opened));
    const std::lock_guard lock(state_->mutex);
    const auto kept = state_->by_identity.try_emplace(which, store).first->second;
    return state_->by_path.try_emplace(path, kept).first->second;
}

}  // namespace coserve
