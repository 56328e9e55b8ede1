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

    /// `longest`: of all its requests.
    payload(std::size_t longest, verification, marking = unmarked);

    /// Valid until the next call.
    std::string_view request(std::size_t size, std::uint64_t connection, std::uint64_t number) {
        if (marks_)
            mark(connection, number);
        return std::string_view(bytes_).substr(0, size);
    }

    /// Requests of one size have the same bytes.
    bool alike() const noexcept { return !marks_; }

    bool is_reply(
        std::string_view reply, std::size_t size, std::uint64_t connection, std::uint64_t number
    ) {
        if (verify_ == verification::full)
            return is_full_reply(reply, size, connection, number);
        return verify_ == verification::off || reply.size() == size;
    }

    /// Of the request that a reply belongs to; nullopt where it has no room for all of that, or is
    /// none.
    static std::optional<std::uint64_t> number_of(std::string_view reply) noexcept;

private:
    bool is_full_reply(
        std::string_view reply, std::size_t size, std::uint64_t connection, std::uint64_t number
    );
    void mark(std::uint64_t connection, std::uint64_t number);

    verification verify_;
    bool marks_;
    std::string bytes_;
};

}  // namespace coserve_bench
