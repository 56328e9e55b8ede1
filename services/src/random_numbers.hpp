// Numbers that nobody can guess, by OpenSSL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace coserve {

// Thread: any. Errors: std::runtime_error.
void fill_by_chance(std::span<std::byte>);
std::uint64_t random_number();

}  // namespace coserve
