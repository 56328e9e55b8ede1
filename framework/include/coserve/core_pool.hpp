/// \file
/// One io_context and one thread for each core.
#pragma once

#include <coserve/io.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <vector>

namespace coserve {

/// How many processors the affinity mask lets this process use.
unsigned available_cores() noexcept;

/// Lifetime: what the contexts' handlers refer to must outlive the pool.
class core_pool {
public:
    /// `cores` 0: `available_cores()`. `pin`: each thread to one processor of the affinity mask, in
    /// its order.
    explicit core_pool(unsigned cores = 0, bool pin = false);
    core_pool(const core_pool&) = delete;
    core_pool& operator=(const core_pool&) = delete;

    std::size_t size() const noexcept { return contexts_.size(); }

    io_context& operator[](std::size_t core) noexcept { return *contexts_[core]; }

    /// Runs all of them until `stop()`, the calling thread being core 0, and joins the others. An
    /// exception that leaves a context stops all and is thrown here. Once.
    void run();
    /// Thread: any.
    void stop() noexcept;

private:
    void run_core(std::size_t core) noexcept;

    std::vector<std::unique_ptr<io_context>> contexts_;
    bool pin_;
    std::mutex mutex_;
    std::exception_ptr error_;
};

}  // namespace coserve
