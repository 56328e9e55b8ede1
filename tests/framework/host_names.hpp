/// \file
/// Host names for tests, which no machine has to know: they stand for several addresses.
#pragma once

namespace coserve::server_check {

inline constexpr auto two_addresses = "two-addresses.test";  ///< 127.0.0.1 and 127.0.0.2
inline constexpr auto same_address = "same-address.test";    ///< 127.0.0.1, twice
/// 198.51.100.1, which nobody has, and 127.0.0.1.
inline constexpr auto partly_absent = "partly-absent.test";
inline constexpr auto wholly_absent = "wholly-absent.test";  ///< 198.51.100.1
inline constexpr auto both_families = "both-families.test";  ///< 127.0.0.1 and ::1

}  // namespace coserve::server_check
