/// \file
/// The bytes of requests, and whether a reply is right.
#pragma once

#include "plan.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coserve_bench {

/// Of one thread. Where replies are verified in full, each request begins with its connection and
/// its number in lower-case letters, as far as it has room: a reply that belongs to another request
/// is seen.
class payload {
public:
    /// What marks requests where they are not verified in full.
    enum marking : bool { unmarked, numbered };

    payload(std::size_t size, verification, marking = unmarked);

    /// Valid until the next call.
    std::string_view request(std::uint64_t connection, std::uint64_t number);
    bool is_reply(std::string_view reply, std::uint64_t connection, std::uint64_t number);

    /// Of the request that a reply belongs to; nullopt where it has no room for all of that, or is
    /// none.
    std::optional<std::uint64_t> number_of(std::string_view reply) const noexcept;

private:
    void mark(std::uint64_t connection, std::uint64_t number);

    verification verify_;
    bool marks_;
    std::string bytes_;
};

}  // namespace coserve_bench
