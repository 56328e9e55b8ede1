#include "partial_locks.hpp"

#include <utility>

namespace coserve {

std::unique_ptr<partial_lock> partial_locks::try_lock(
    const std::string& file_name, const std::string& name, std::function<void()> stop
) {
    const auto writer = std::make_shared<partial_writer>(name, std::move(stop));
    const std::lock_guard guard(mutex_);
    if (!writers_.try_emplace(file_name, writer).second)
        return nullptr;
    return std::make_unique<partial_lock>(*this, file_name, writer);
}

std::shared_ptr<partial_writer> partial_locks::writer_of(const std::string& file_name) const {
    const std::lock_guard guard(mutex_);
    const auto found = writers_.find(file_name);
    return found == writers_.end() ? nullptr : found->second;
}

partial_lock::~partial_lock() {
    const std::lock_guard guard(locks_.mutex_);
    locks_.writers_.erase(file_name_);
}

}  // namespace coserve
