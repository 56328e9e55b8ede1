#include <coserve/raw.hpp>

#include <algorithm>

namespace coserve {

decoded raw_codec::decode(std::span<const std::byte> input) {
    if (input.empty())
        return {};
    // A maximum of 0 would give empty frames for ever.
    const std::size_t size = std::min(input.size(), std::max<std::size_t>(1, max_frame()));
    return {.what = decoded::outcome::frame, .size = size, .consumed = size};
}

unfinished_frame raw_codec::unfinished(std::size_t) const noexcept {
    return {};
}

error_code raw_codec::encode(frame_view header, frame_view body, envelope& out) {
    if (header.size() + body.size() > max_frame())
        return errc::frame_too_long;
    out.make_prefix(0);
    out.payload = {header, body};
    out.suffix = {};
    return {};
}

}  // namespace coserve
