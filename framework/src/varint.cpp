#include <coserve/varint.hpp>

#include <algorithm>
#include <bit>
#include <limits>

namespace coserve {
namespace {

constexpr std::uint64_t highest = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t longest = 10;  // bytes of a length of 64 bits
constexpr unsigned more = 0x80;

decoded refused(errc why, std::uint64_t declared = 0) {
    return {.what = decoded::outcome::error, .error = why, .declared = declared};
}

}  // namespace

decoded varint_codec::decode(std::span<const std::byte> input) {
    if (started_ == 0) {
        const decoded length = read_length(input);
        if (started_ == 0)
            return length;
    }
    const std::uint64_t total = started_;
    if (input.size() < total)
        return {.needed = total};
    started_ = 0;
    return {
        .what = decoded::outcome::frame,
        .offset = header_,
        .size = total - header_,
        .consumed = total
    };
}

/// Sets `started_` and `header_`, or says why they are not known.
decoded varint_codec::read_length(std::span<const std::byte> input) noexcept {
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < std::min(input.size(), longest); ++i) {
        const auto byte = std::to_integer<unsigned>(input[i]);
        const std::size_t used = i + 1;
        // The last has room for one bit.
        if (used == longest && byte > 1)
            return refused(errc::malformed_frame);
        length |= std::uint64_t{byte & ~more} << (7 * i);
        if (byte >= more)
            continue;
        if (byte == 0 && used > 1)
            return refused(errc::malformed_frame);
        if (length > max_frame() || length > highest - used)
            return refused(errc::frame_too_long, length);
        header_ = static_cast<std::uint8_t>(used);
        started_ = length + used;
        return {};
    }
    return {};
}

unfinished_frame varint_codec::unfinished(std::size_t buffered) const noexcept {
    return {buffered, started_};
}

void varint_codec::restart() noexcept {
    started_ = 0;
}

error_code varint_codec::encode(frame_view header, frame_view body, envelope& out) {
    std::uint64_t rest = header.size() + body.size();
    if (rest > max_frame())
        return errc::frame_too_long;
    const auto bits = static_cast<std::size_t>(std::bit_width(rest | 1));
    const std::span<std::byte> prefix = out.make_prefix((bits + 6) / 7);
    for (std::byte& byte : prefix) {
        byte = static_cast<std::byte>(rest | more);
        rest >>= 7;
    }
    prefix.back() &= static_cast<std::byte>(~more);
    out.payload = {header, body};
    out.suffix = {};
    return {};
}

}  // namespace coserve
