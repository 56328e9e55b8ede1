// A child's limits, as the kernel is told of them.
#pragma once

#include <coserve/subprocess.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <sys/resource.h>

namespace coserve {

struct launch_limit {
    int resource;
    rlimit value;
};

class launch_limits {
public:
    // `mark`: of orphans; 0: none.
    launch_limits(const subprocess_limits&, std::uint64_t mark);

    const launch_limit* data() const noexcept { return items_.data(); }

    std::size_t size() const noexcept { return count_; }

private:
    void add(int resource, std::uint64_t value);
    void add_if(int resource, std::uint64_t value);
    void restore_descriptors();
    void add_mark(std::uint64_t mark);

    std::array<launch_limit, 7> items_{};
    std::size_t count_ = 0;
};

}  // namespace coserve
