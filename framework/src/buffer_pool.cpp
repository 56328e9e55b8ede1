#include "buffer_pool.hpp"

#include "poison.hpp"

#include <bit>
#include <new>
#include <sys/mman.h>

namespace coserve {

namespace {

// Large blocks come from the kernel and go back to it: the heap would keep them.
block allocate(std::size_t size) {
    if (size < buffer_pool::normal)
        return {static_cast<std::byte*>(::operator new(size)), size};
    void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED)
        throw std::bad_alloc();
    return {static_cast<std::byte*>(data), size};
}

void release(block b) noexcept {
    unpoison(b.data, b.size);
    if (b.size < buffer_pool::normal)
        ::operator delete(b.data);
    else
        munmap(b.data, b.size);
}

}  // namespace

buffer_pool::~buffer_pool() {
    for (block b : small_)
        release(b);
    for (block b : normal_)
        release(b);
}

std::vector<block>* buffer_pool::shelf(std::size_t size) noexcept {
    return size == small ? &small_ : size == normal ? &normal_ : nullptr;
}

block buffer_pool::take(std::size_t least) {
    const std::size_t size = least <= small    ? small
                             : least <= normal ? normal
                                               : std::bit_ceil(least);
    auto* const kept = shelf(size);
    if (!kept || kept->empty())
        return allocate(size);
    const block b = kept->back();
    kept->pop_back();
    unpoison(b.data, b.size);
    return b;
}

void buffer_pool::give(block b) noexcept {
    auto* const kept = shelf(b.size);
    const std::size_t most = b.size == small ? kept_small : kept_normal;
    if (!kept || kept->size() >= most)
        return release(b);
    if (kept->capacity() == 0)
        kept->reserve(most);
    kept->push_back(b);
    poison(b.data, b.size);
}

}  // namespace coserve
