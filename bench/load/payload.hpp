/// \file
/// The bytes of requests, and whether a reply is right.
#pragma once

#include "plan.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace coserve_bench {

/// Of one thread. Where replies are verified in full, each request begins with its connection and
/// its number in lower-case letters, as far as it has room: a reply that belongs to another request
/// is seen.
class payload {
public:
    payload(std::size_t size, verification);

    /// Valid until the next call.
    std::string_view request(std::uint64_t connection, std::uint64_t number);
    bool is_reply(std::string_view reply, std::uint64_t connection, std::uint64_t number);

private:
    void mark(std::uint64_t connection, std::uint64_t number);

    verification verify_;
    std::string bytes_;
};

}  // namespace coserve_bench
