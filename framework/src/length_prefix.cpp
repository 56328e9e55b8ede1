#include <coserve/length_prefix.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace coserve {
namespace {

constexpr std::uint64_t highest = std::numeric_limits<std::uint64_t>::max();

// Of the usual layout: 4 bytes, little-endian, signed.
constexpr std::size_t usual_header = 4;
constexpr std::uint64_t usual_largest = std::numeric_limits<std::int32_t>::max();

std::uint16_t swapped(std::uint16_t value) noexcept {
    return __builtin_bswap16(value);
}

std::uint32_t swapped(std::uint32_t value) noexcept {
    return __builtin_bswap32(value);
}

std::uint64_t swapped(std::uint64_t value) noexcept {
    return __builtin_bswap64(value);
}

template <class T>
T load_as(const std::byte* from, bool big_endian) noexcept {
    T value;
    std::memcpy(&value, from, sizeof value);
    return big_endian == (std::endian::native == std::endian::big) ? value : swapped(value);
}

template <class T>
void store_as(std::byte* to, std::uint64_t wide, bool big_endian) noexcept {
    auto value = static_cast<T>(wide);
    if (big_endian != (std::endian::native == std::endian::big))
        value = swapped(value);
    std::memcpy(to, &value, sizeof value);
}

std::uint64_t load(const std::byte* from, unsigned width, bool big_endian) noexcept {
    switch (width) {
    case 4:
        return load_as<std::uint32_t>(from, big_endian);
    case 8:
        return load_as<std::uint64_t>(from, big_endian);
    case 2:
        return load_as<std::uint16_t>(from, big_endian);
    case 1:
        return std::to_integer<std::uint64_t>(from[0]);
    default: {
        const auto first = std::to_integer<std::uint64_t>(from[big_endian ? 0 : 2]);
        const auto last = std::to_integer<std::uint64_t>(from[big_endian ? 2 : 0]);
        return first << 16 | std::to_integer<std::uint64_t>(from[1]) << 8 | last;
    }
    }
}

void store(std::byte* to, unsigned width, bool big_endian, std::uint64_t value) noexcept {
    switch (width) {
    case 4:
        return store_as<std::uint32_t>(to, value, big_endian);
    case 8:
        return store_as<std::uint64_t>(to, value, big_endian);
    case 2:
        return store_as<std::uint16_t>(to, value, big_endian);
    case 1:
        to[0] = static_cast<std::byte>(value);
        return;
    default:
        to[big_endian ? 0 : 2] = static_cast<std::byte>(value >> 16);
        to[1] = static_cast<std::byte>(value >> 8);
        to[big_endian ? 2 : 0] = static_cast<std::byte>(value);
    }
}

bool is_width(unsigned bytes) noexcept {
    return (bytes >= 1 && bytes <= 4) || bytes == 8;
}

}  // namespace

void length_prefix_codec::options::read(option_reader& reader) {
    reader.choice(
        "width",
        width,
        {{"1", 1}, {"2", 2}, {"3", 3}, {"4", 4}, {"8", 8}},
        "of the length field, in bytes"
    );
    reader.choice(
        "order", big_endian, {{"little", false}, {"big", true}}, "of the length field's bytes"
    );
    reader.flag("signed", is_signed, "a set top bit is a negative length, which is refused");
    reader.count("offset", offset, 0, 255, "bytes before the length field");
    reader.integer("adjust", adjust, INT32_MIN, INT32_MAX, "added to the length that was read");
    auto stripped = strip.value_or(static_cast<std::uint16_t>(offset + width));
    reader.count(
        "strip",
        stripped,
        0,
        65535,
        "leading bytes left out of the frame that is delivered (default: offset + width)"
    );
    strip = stripped;
    reader.flag(
        "includes-header",
        includes_header,
        "the length counts all up to the end of its own field too"
    );
    read_on_too_long(reader, too_long);
}

length_prefix_codec::length_prefix_codec() : length_prefix_codec(options{}) {}

length_prefix_codec::length_prefix_codec(const options& o)
    : adjust_(o.adjust),
      strip_(o.strip.value_or(static_cast<std::uint16_t>(o.offset + o.width))),
      offset_(o.offset),
      width_(o.width & 7U),
      big_endian_(o.big_endian),
      is_signed_(o.is_signed),
      includes_header_(o.includes_header),
      skips_too_long_(o.too_long == on_too_long::skip),
      usual_(
          o.width == usual_header && !o.big_endian && o.is_signed && o.offset == 0 &&
          o.adjust == 0 && strip_ == usual_header && !o.includes_header
      ) {
    if (!is_width(o.width))
        throw configuration_error(
            "length-prefix: width=" + std::to_string(o.width) + ": must be 1, 2, 3, 4 or 8"
        );
}

inline std::uint16_t length_prefix_codec::header() const noexcept {
    return static_cast<std::uint16_t>(offset_ + width());
}

inline std::int64_t length_prefix_codec::bias() const noexcept {
    return std::int64_t{adjust_} - (includes_header_ ? header() : 0);
}

inline std::uint64_t length_prefix_codec::largest() const noexcept {
    return highest >> (64 - 8 * width() + (is_signed_ ? 1 : 0));
}

inline std::uint64_t length_prefix_codec::smallest() const noexcept {
    const std::int64_t into_payload = std::max(0, strip_ - header());
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, into_payload - bias()));
}

// Every result is made where it is returned: a local one would be copied, which costs more than all
// the rest.
decoded length_prefix_codec::decode(std::span<const std::byte> input) {
    if (skipped_ != 0) [[unlikely]]
        return skip(input.size());
    std::uint64_t total = started_;
    if (total == 0 && usual_ && input.size() >= usual_header) {
        const auto payload = std::uint64_t{load_as<std::uint32_t>(input.data(), false)};
        if (payload <= usual_largest && payload <= max_frame()) [[likely]]
            total = usual_header + payload;
    }
    if (total == 0) {
        const std::uint16_t header = this->header();
        if (input.size() < header)
            return {};
        const std::uint64_t length = load(input.data() + offset_, width(), big_endian_);
        const std::int64_t bias = this->bias();
        const std::uint64_t payload = length + static_cast<std::uint64_t>(bias);
        // What wraps around has the top bit in one of the two, and so have few others.
        if (length > largest() || payload > max_frame() || (length | payload) > highest >> 1 ||
            header + payload < strip_) [[unlikely]]
            if (!takes(length))
                return refuse(length, input.size());
        total = header + payload;
    }
    const bool whole = input.size() >= total;
    started_ = whole ? 0 : total;
    if (!whole)
        return {.needed = total};
    return {
        .what = decoded::outcome::frame, .offset = strip_, .size = total - strip_, .consumed = total
    };
}

unfinished_frame length_prefix_codec::unfinished(std::size_t buffered) const noexcept {
    return {skipped_ + buffered, started_};
}

void length_prefix_codec::restart() noexcept {
    started_ = skipped_ = 0;
}

error_code length_prefix_codec::encode(frame_view header, frame_view body, envelope& out) {
    const std::uint64_t payload = header.size() + body.size();
    if (payload > max_frame())
        return errc::frame_too_long;
    if (usual_ && payload <= usual_largest) [[likely]] {
        store_as<std::uint32_t>(out.make_prefix(usual_header).data(), payload, false);
        out.payload = {header, body};
        out.suffix = {};
        return {};
    }
    const std::int64_t bias = this->bias();
    const std::uint64_t length = payload - static_cast<std::uint64_t>(bias);
    const bool negative = bias > 0 && length > payload;
    const bool wrapped = bias < 0 && length < payload;
    if (negative || wrapped || length > largest())
        return errc::unencodable_frame;
    const std::span<std::byte> prefix = out.make_prefix(this->header());
    std::fill_n(prefix.begin(), offset_, std::byte{});
    store(prefix.data() + offset_, width(), big_endian_, length);
    out.payload = {header, body};
    out.suffix = {};
    return {};
}

bool length_prefix_codec::takes(std::uint64_t length) const noexcept {
    const std::uint64_t payload = length + static_cast<std::uint64_t>(bias());
    // May be the case on a positive bias only: such a sum is below the length.
    const bool wrapped = bias() > 0 && payload < length;
    return length <= largest() && length >= smallest() && !wrapped && payload <= max_frame() &&
           payload <= highest - header();
}

/// Why a length is not taken; where it is only too long and such frames are skipped, the beginning
/// of that.
decoded length_prefix_codec::refuse(std::uint64_t length, std::size_t available) noexcept {
    decoded result;
    result.what = decoded::outcome::error;
    if (length > largest()) {
        result.error = errc::negative_length;
        return result;
    }
    result.declared = length;
    if (length < smallest()) {
        result.error = errc::length_too_small;
        return result;
    }
    result.error = errc::frame_too_long;
    result.declared = length + static_cast<std::uint64_t>(bias());
    const bool wrapped = bias() > 0 && result.declared < length;
    if (wrapped)
        result.declared = highest;
    // A frame whose end lies beyond 64 bits has no next frame to skip to.
    if (wrapped || result.declared > highest - header() || !skips_too_long_)
        return result;
    started_ = header() + result.declared;
    const decoded first = skip(available);
    result.what = first.what;
    result.consumed = first.consumed;
    return result;
}

decoded length_prefix_codec::skip(std::size_t available) noexcept {
    decoded result;
    if (available == 0)
        return result;
    result.what = decoded::outcome::skipped;
    result.consumed = std::min<std::uint64_t>(started_ - skipped_, available);
    skipped_ += result.consumed;
    if (skipped_ == started_)
        started_ = skipped_ = 0;
    return result;
}

}  // namespace coserve
