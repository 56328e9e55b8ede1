#include <coserve/netstring.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace coserve {
namespace {

constexpr std::uint64_t highest = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t most_digits = std::numeric_limits<std::uint64_t>::digits10 + 1;

decoded refused(errc why, std::uint64_t declared = 0) {
    return {.what = decoded::outcome::error, .error = why, .declared = declared};
}

}  // namespace

decoded netstring_codec::decode(std::span<const std::byte> input) {
    if (started_ == 0) {
        const decoded length = read_length(input);
        if (started_ == 0)
            return length;
    }
    const std::uint64_t total = started_;
    if (input.size() < total)
        return {.needed = total};
    if (input[total - 1] != std::byte{','}) [[unlikely]]
        return refused(errc::malformed_frame);
    started_ = 0;
    return {
        .what = decoded::outcome::frame,
        .offset = header_,
        .size = total - header_ - 1,
        .consumed = total
    };
}

/// Sets `started_` and `header_`, or says why they are not known.
decoded netstring_codec::read_length(std::span<const std::byte> input) noexcept {
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < input.size(); ++i) {
        const auto digit = std::to_integer<unsigned>(input[i]) - unsigned{'0'};
        if (digit <= 9) {
            if (i == 1 && length == 0)
                return refused(errc::malformed_frame);
            if (__builtin_mul_overflow(length, 10u, &length) ||
                __builtin_add_overflow(length, digit, &length))
                return refused(errc::frame_too_long);  // longer than 64 bits can say
            continue;
        }
        if (i == 0 || input[i] != std::byte{':'})
            return refused(errc::malformed_frame);
        const std::size_t around = i + 2;
        if (length > max_frame() || length > highest - around)
            return refused(errc::frame_too_long, length);
        header_ = static_cast<std::uint8_t>(i + 1);
        started_ = length + around;
        return {};
    }
    return {};
}

unfinished_frame netstring_codec::unfinished(std::size_t buffered) const noexcept {
    return {buffered, started_};
}

void netstring_codec::restart() noexcept {
    started_ = 0;
}

error_code netstring_codec::encode(frame_view header, frame_view body, envelope& out) {
    const std::size_t size = header.size() + body.size();
    if (size > max_frame())
        return errc::frame_too_long;
    std::array<char, most_digits + 1> length;
    char* end = std::to_chars(length.data(), length.data() + most_digits, size).ptr;
    *end++ = ':';
    const auto used = static_cast<std::size_t>(end - length.data());
    std::ranges::copy(std::as_bytes(std::span(length).first(used)), out.make_prefix(used).begin());
    out.payload = {header, body};
    out.suffix = ",";
    return {};
}

}  // namespace coserve
