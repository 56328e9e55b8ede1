/// \file
/// What can go wrong, as one Boost.System category: everything coserve throws at run time is a
/// `boost::system::system_error`, which Asio throws too.
#pragma once

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace coserve {

using boost::system::error_code;
using boost::system::system_error;

enum class errc : std::uint8_t {
    truncated_frame = 1,  ///< The stream ended inside a frame.
    frame_too_long,       ///< The frame is longer than the maximum.
    negative_length,      ///< The length field is negative.
    length_too_small,     ///< The length does not even cover what its framing counts in it.
    malformed_frame,      ///< The bytes do not follow the framing.
    unencodable_frame,    ///< The framing has no way to write this frame.
    no_headers,           ///< The framing has no headers to read.
    concurrent_read,      ///< Another coroutine is already reading this stream.
    output_overflow,      ///< Too much is queued: the writer does not await its writes.
    timeout,              ///< The time that the caller gave has run out.
    first_frame_timeout,  ///< The peer sent nothing after it connected.
    idle_timeout,         ///< The peer sent nothing for too long.
    frame_timeout,        ///< The rest of a started frame did not come in time.
    write_timeout,        ///< The peer took none of the queued output for too long.
    closed,               ///< This side has closed the stream.
    wrong_executor,       ///< The executor is not an io_context's own.
    unencodable_text,     ///< A character of the text has no place in the encoding.
    concurrent_send,      ///< Another coroutine is already sending a file on this stream.
    file_too_short,       ///< The file has fewer bytes than were to be sent.
};

const boost::system::error_category& error_category() noexcept;
error_code make_error_code(errc) noexcept;

/// What the kernel said to a file, and not to the connection, which may go on.
class file_error : public system_error {
public:
    using system_error::system_error;
};

/// What people are told: `what()` without the category and the number of its code.
std::string reason_of(const system_error&);

/// A mistake in what an operator or an embedder wrote: a URL, a key, a value. One sentence that
/// names it and says what would be right.
class configuration_error : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

}  // namespace coserve

template <>
struct boost::system::is_error_code_enum<coserve::errc> : std::true_type {};
