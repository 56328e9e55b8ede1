/// \file
/// The choice of what happens to a frame that is over the maximum.
#pragma once

#include <coserve/option_reader.hpp>

#include <cstdint>

namespace coserve {

/// What to do with a frame that is over the maximum.
enum class on_too_long : std::uint8_t {
    close,  ///< end the connection with `errc::frame_too_long`
    skip,   ///< drop that frame without holding it, report it once, go on with the next
};

/// The key `on-too-long`, for the options of a codec that can find the frame behind a dropped one.
inline void read_on_too_long(option_reader& reader, on_too_long& value) {
    reader.choice(
        "on-too-long",
        value,
        {{"close", on_too_long::close}, {"skip", on_too_long::skip}},
        "what happens to a frame over max-frame: the connection ends, or the frame is dropped"
    );
}

}  // namespace coserve
