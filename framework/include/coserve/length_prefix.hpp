/// \file
/// Framing `length-prefix`, the default: a length field, then the payload.
#pragma once

#include <coserve/codec.hpp>
#include <coserve/on_too_long.hpp>
#include <coserve/option_reader.hpp>

#include <cstdint>
#include <optional>

namespace coserve {

/// A length field of 1, 2, 3, 4 or 8 bytes, then that many bytes of payload. By default what
/// Python's `struct.pack('i', n)` writes on x86: 4 bytes, little-endian, signed.
///
/// The payload, which the maximum bounds and `encode` is given, is everything behind the length
/// field. What `strip` takes away or leaves in front changes only what the reader sees.
///
/// Errors: `negative_length`, `length_too_small` and `frame_too_long` as soon as the length field
/// is complete; `frame_too_long` and `unencodable_frame` from `encode`.
class length_prefix_codec final : public codec {
public:
    struct options {
        std::uint8_t width = 4;  ///< of the length field in bytes: 1, 2, 3, 4, 8
        bool big_endian = false;
        bool is_signed = true;    ///< a set top bit is a negative length, and an error
        std::uint8_t offset = 0;  ///< bytes before the length field; written as zeros
        std::int32_t adjust = 0;  ///< added to the decoded length
        /// leading bytes left out of the delivered frame; unset: offset + width
        std::optional<std::uint16_t> strip = std::nullopt;
        /// the length counts everything up to the end of its own field too
        bool includes_header = false;
        on_too_long too_long = on_too_long::close;

        void read(option_reader&);
    };

    length_prefix_codec();
    /// Errors: `configuration_error` for a width that is none of the above.
    explicit length_prefix_codec(const options&);

    decoded decode(std::span<const std::byte> input) override;
    unfinished_frame unfinished(std::size_t buffered) const noexcept override;
    void restart() noexcept override;
    error_code encode(frame_view header, frame_view body, envelope& out) override;

private:
    /// Of the length field, in bytes.
    unsigned width() const noexcept { return width_ != 0 ? width_ : 8U; }

    /// Of the length field: the values that it can hold, that cover what is counted in them and
    /// what is stripped.
    std::uint64_t largest() const noexcept;
    std::uint64_t smallest() const noexcept;
    std::uint16_t header() const noexcept;  ///< bytes up to the end of the length field
    std::int64_t bias() const noexcept;     ///< from the length to the payload's size
    bool takes(std::uint64_t length) const noexcept;
    decoded refuse(std::uint64_t length, std::size_t available) noexcept;
    decoded skip(std::size_t available) noexcept;

    std::uint64_t started_ = 0;  ///< bytes on the wire of the frame whose length is known; 0: none
    std::uint64_t skipped_ = 0;  ///< how many of them were dropped, of a frame that was too long
    // Packed: an idle connection keeps two codecs.
    std::int32_t adjust_;
    std::uint16_t strip_;
    std::uint8_t offset_;
    std::uint8_t width_ : 3;  ///< 0 is 8
    bool big_endian_ : 1, is_signed_ : 1, includes_header_ : 1, skips_too_long_ : 1;
    bool usual_ : 1;  ///< all other options are their defaults
};

}  // namespace coserve
