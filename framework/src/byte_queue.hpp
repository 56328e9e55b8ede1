// Bytes in arrival order in one contiguous block, leased from the core's pool only while it holds
// any.
#pragma once

#include "buffer_pool.hpp"

#include <cstddef>
#include <span>

namespace coserve {

// Lifetime: `release()` before the pool ends.
class byte_queue {
public:
    byte_queue() = default;
    byte_queue(const byte_queue&) = delete;
    byte_queue& operator=(const byte_queue&) = delete;

    std::span<std::byte> data() const noexcept { return {block_.data + begin_, end_ - begin_}; }

    std::size_t size() const noexcept { return end_ - begin_; }

    bool empty() const noexcept { return begin_ == end_; }

    std::size_t capacity() const noexcept { return block_.size; }

    // Room for at least `least` bytes behind the data, and as much more as there is; the data may
    // move.
    std::span<std::byte> prepare(buffer_pool&, std::size_t least);

    // That many of the prepared bytes are data now.
    void commit(std::size_t size) noexcept { end_ += size; }

    // Where that many bytes go, at least one, that are data now, whoever fills them in.
    std::byte* extend(buffer_pool&, std::size_t size);

    // Drops bytes at the front; in sanitizer builds it is a fault to touch them then.
    void consume(std::size_t size) noexcept;

    // Gives the block back where it is empty, and moves a small rest of a large one to a small one.
    void shrink(buffer_pool&);

    // Gives the block back, and drops what it holds.
    void release(buffer_pool&) noexcept;

private:
    void move_to(buffer_pool&, block);

    block block_;
    std::size_t begin_ = 0, end_ = 0;
};

}  // namespace coserve
