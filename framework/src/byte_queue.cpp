#include "byte_queue.hpp"

#include "poison.hpp"

#include <cassert>
#include <cstring>

namespace coserve {

std::span<std::byte> byte_queue::prepare(buffer_pool& pool, std::size_t least) {
    if (empty())
        begin_ = end_ = 0;
    if (block_.size - end_ < least) {
        // Moving costs less than what was used up.
        if (block_.size - size() >= least && begin_ >= size()) {
            unpoison(block_.data, begin_);
            std::memcpy(block_.data, block_.data + begin_, size());
            end_ -= begin_;
            begin_ = 0;
        } else {
            move_to(pool, pool.take(size() + least));
        }
    }
    unpoison(block_.data + end_, block_.size - end_);
    return {block_.data + end_, block_.size - end_};
}

std::byte* byte_queue::extend(buffer_pool& pool, std::size_t size) {
    std::size_t least = size;
    if (!block_.data && least < buffer_pool::normal)
        least = buffer_pool::normal;  // the one that is in the cache
    else if (block_.size - end_ < least && least < this->size())
        least = this->size();  // doubles, so that it stays linear
    std::byte* const room = prepare(pool, least).data();
    commit(size);
    return room;
}

void byte_queue::consume(std::size_t size) noexcept {
    assert(size <= this->size());
    poison(block_.data + begin_, size);
    begin_ += size;
}

void byte_queue::shrink(buffer_pool& pool) {
    if (empty())
        release(pool);
    else if (size() <= buffer_pool::small && block_.size > buffer_pool::small)
        move_to(pool, pool.take(buffer_pool::small));
}

void byte_queue::release(buffer_pool& pool) noexcept {
    if (block_.data)
        pool.give(block_);
    block_ = {};
    begin_ = end_ = 0;
}

void byte_queue::move_to(buffer_pool& pool, block fresh) {
    if (!empty())
        std::memcpy(fresh.data, block_.data + begin_, size());
    if (block_.data)
        pool.give(block_);
    block_ = fresh;
    end_ -= begin_;
    begin_ = 0;
}

}  // namespace coserve
