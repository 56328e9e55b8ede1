// libFuzzer's entry, compiled once for each framing, whose name is COSERVE_FRAMING.
#include "checks.hpp"

#include <coserve/error.hpp>

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr int not_for_the_corpus = -1;
    try {
        fuzz::check(COSERVE_FRAMING, {reinterpret_cast<const char*>(data), size});
    } catch (const coserve::configuration_error&) {
        return not_for_the_corpus;
    }
    return 0;
}
