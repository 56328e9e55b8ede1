/// \file
/// Lost messages, told a little later: what was only overtaken comes meanwhile.
#pragma once

#include "protocol/chat_time.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coserve_client {

class chat_losses {
public:
    static constexpr std::chrono::nanoseconds patience = std::chrono::milliseconds(500);

    struct loss {
        std::uint64_t member = 0;
        std::string name;
        std::uint64_t count = 0;
        coserve::chat_time due{};
    };

    /// `count` of the member's messages before this one were skipped.
    void skipped(
        coserve::chat_time now, std::uint64_t member, std::string_view name, std::uint64_t count
    );
    /// One of them has come after all.
    void came_late(std::uint64_t member);

    /// Those that have not come within their time.
    std::vector<loss> take(coserve::chat_time now);
    /// When there are some to be taken; the greatest time: there is none.
    coserve::chat_time due() const noexcept;

private:
    std::vector<loss> losses_;  // in the order of their times
};

}  // namespace coserve_client
