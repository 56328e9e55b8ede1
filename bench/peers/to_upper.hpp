// The work that every peer does on a payload: a to z become A to Z, every other byte stays.
#pragma once

#include <cstddef>

// Without a branch, so that -O3 vectorises the loop (g++ 12's -O2 does not); the wider clone runs
// where the CPU has it.
__attribute__((target_clones("default", "avx2"))) inline void
to_upper(char* text, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
        const auto letter = static_cast<unsigned char>(text[i]);
        const bool lower = static_cast<unsigned char>(letter - 'a') < 26;
        text[i] = static_cast<char>(letter ^ (lower ? 'a' ^ 'A' : 0));
    }
}
