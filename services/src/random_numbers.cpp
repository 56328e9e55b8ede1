#include "random_numbers.hpp"

#include <openssl/rand.h>

#include <stdexcept>

namespace coserve {

void fill_by_chance(std::span<std::byte> bytes) {
    auto* const data = reinterpret_cast<unsigned char*>(bytes.data());
    if (RAND_bytes(data, static_cast<int>(bytes.size())) != 1)
        throw std::runtime_error("OpenSSL has no random numbers");
}

std::uint64_t random_number() {
    std::uint64_t number = 0;
    fill_by_chance(std::as_writable_bytes(std::span(&number, 1)));
    return number;
}

}  // namespace coserve
