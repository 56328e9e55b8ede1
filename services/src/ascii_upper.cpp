#include <coserve/services/ascii_upper.hpp>

#include <cstddef>

// The loader chooses a clone before a sanitizer's runtime is there to be called by the chooser.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define COSERVE_SANITIZED
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#        define COSERVE_SANITIZED
#    endif
#endif

#if defined(__x86_64__) && defined(__GLIBC__) && !defined(COSERVE_SANITIZED)
#    define COSERVE_CLONED __attribute__((target_clones("default", "avx2")))
#else
#    define COSERVE_CLONED
#endif

namespace coserve {
namespace {

/// Without a branch, so that the compiler makes vectors of it.
COSERVE_CLONED void raise_letters(unsigned char* data, std::size_t size) noexcept {
    for (std::size_t i = 0; i < size; ++i) {
        const bool is_lower = static_cast<unsigned char>(data[i] - 'a') < 26;
        data[i] = static_cast<unsigned char>(data[i] ^ (is_lower ? 0x20 : 0));
    }
}

}  // namespace

frame ascii_upper(frame text) noexcept {
    raise_letters(reinterpret_cast<unsigned char*>(text.data()), text.size());
    return text;
}

}  // namespace coserve
