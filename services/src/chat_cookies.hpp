// The cookies with which chat's members show that they receive at their addresses.
#pragma once

#include "protocol/chat_datagram.hpp"
#include "protocol/chat_time.hpp"

#include <coserve/endpoint.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace coserve {

// A cookie is a keyed hash of the address, the port and the time, so nothing is kept for those who
// only ask for one. Copies are the same; all cores of a listener need one.
// Thread: any.
class chat_cookies {
public:
    using secret = std::array<std::byte, 32>;

    // A cookie is good until the end of the slot of time behind the one that it was made in.
    static constexpr auto slot = std::chrono::seconds(30);

    // By chance.
    chat_cookies();
    explicit chat_cookies(const secret& s) noexcept : secret_(s) {}

    chat_cookie make(const endpoint&, chat_time) const;
    bool is_good(const chat_cookie&, const endpoint&, chat_time) const;

private:
    chat_cookie make(const endpoint&, std::int64_t slot_number) const;

    secret secret_{};
};

}  // namespace coserve
