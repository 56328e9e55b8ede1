#include "chat_simulation.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace coserve {
namespace {

std::uint64_t asked(const char* variable, std::uint64_t otherwise) {
    const char* const value = std::getenv(variable);
    return value ? std::strtoull(value, nullptr, 10) : otherwise;
}

// COSERVE_CHAT_SEEDS=10000 for more, COSERVE_CHAT_SEED=N for one again.
TEST(chat_simulation_test, keeps_its_rules_over_any_network) {
    const std::uint64_t one = asked("COSERVE_CHAT_SEED", 0);
    const std::uint64_t first = one ? one : 1;
    const std::uint64_t last = one ? one : asked("COSERVE_CHAT_SEEDS", 300);
    simulated all;
    for (std::uint64_t seed = first; seed <= last; ++seed) {
        try {
            all += simulate_chat(seed);
        } catch (const broken_simulation& e) {
            FAIL() << e.what() << "\nagain: COSERVE_CHAT_SEED=" << seed;
        }
    }
    // Else it shows nothing.
    EXPECT_GT(all.datagrams, 0U);
    EXPECT_GT(all.heard, 0U);
    EXPECT_GT(all.joins, 0U);
    if (one)
        return;
    EXPECT_GT(all.lost_contacts, 0U);
    EXPECT_GT(all.duplicates, 0U);
    RecordProperty("datagrams", std::to_string(all.datagrams));
}

}  // namespace
}  // namespace coserve
