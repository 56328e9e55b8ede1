/// \file
/// What people count errors by.
#pragma once

#include <coserve/error.hpp>

#include <cstddef>
#include <string_view>

namespace coserve_bench {

enum class error_kind : unsigned char {
    refused,      ///< nobody listens there
    reset,        ///< the server threw the connection away
    closed,       ///< the server ended it, and a reply was due
    timeout,      ///< it took too long
    unanswered,   ///< and still was under way a second after the end
    wrong_reply,  ///< not that to its request
    malformed,    ///< it breaks the framing
    failed,       ///< the server says that it could not: a command that fails, a file not stored
    other
};

inline constexpr std::size_t error_kinds = static_cast<std::size_t>(error_kind::other) + 1;

/// As a JSON key.
std::string_view name_of(error_kind) noexcept;

error_kind kind_of(const coserve::error_code&) noexcept;

}  // namespace coserve_bench
