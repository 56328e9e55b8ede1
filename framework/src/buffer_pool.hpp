// The buffers of one core: the one given back last is taken first, because it is in the cache.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

namespace coserve {

struct block {
    std::byte* data = nullptr;
    std::size_t size = 0;
};

// Blocks of `small` bytes, `normal` bytes, and doublings of those. Thread: on one core.
class buffer_pool {
public:
    static constexpr std::size_t small = std::size_t{4} << 10;
    static constexpr std::size_t normal = std::size_t{64} << 10;

    buffer_pool() = default;
    buffer_pool(const buffer_pool&) = delete;
    buffer_pool& operator=(const buffer_pool&) = delete;
    ~buffer_pool();

    // A block of at least that many bytes. Errors: std::bad_alloc.
    block take(std::size_t least);
    void give(block) noexcept;

private:
    static constexpr std::size_t kept_small = 256;  // 1 MiB
    static constexpr std::size_t kept_normal = 16;  // 1 MiB

    std::vector<block>* shelf(std::size_t size) noexcept;

    std::vector<block> small_, normal_;
};

}  // namespace coserve
