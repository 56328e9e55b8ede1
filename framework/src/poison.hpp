// Makes memory that is lent out and taken back a fault to touch, in builds with AddressSanitizer.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#    define COSERVE_ASAN 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer)
#        define COSERVE_ASAN 1
#    endif
#endif

#ifdef COSERVE_ASAN
#    include <sanitizer/asan_interface.h>
#endif

namespace coserve {

inline void poison([[maybe_unused]] const void* data, [[maybe_unused]] std::size_t size) noexcept {
#ifdef COSERVE_ASAN
    ASAN_POISON_MEMORY_REGION(data, size);
#endif
}

inline void
unpoison([[maybe_unused]] const void* data, [[maybe_unused]] std::size_t size) noexcept {
#ifdef COSERVE_ASAN
    ASAN_UNPOISON_MEMORY_REGION(data, size);
#endif
}

}  // namespace coserve
