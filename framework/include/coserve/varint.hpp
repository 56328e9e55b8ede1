/// \file
/// Framing `varint`: a length in base 128, then the payload.
#pragma once

#include <coserve/codec.hpp>
#include <coserve/option_reader.hpp>

#include <cstdint>

namespace coserve {

/// The payload's length seven bits a byte, the lowest first, the top bit set in all bytes but the
/// last; then the payload. `03 61 62 63` is "abc", and `ac 02` begins 300 bytes. As protobuf's
/// libraries delimit messages; https://protobuf.dev/programming-guides/encoding/#varints.
///
/// Errors: `malformed_frame` for a length that takes more than 10 bytes or 64 bits, or more bytes
/// than it needs; `frame_too_long` as soon as the length is complete; `frame_too_long` from
/// `encode`.
class varint_codec final : public codec {
public:
    struct options {
        void read(option_reader&) {}
    };

    explicit varint_codec(const options& = {}) {}

    decoded decode(std::span<const std::byte> input) override;
    unfinished_frame unfinished(std::size_t buffered) const noexcept override;
    void restart() noexcept override;
    error_code encode(frame_view header, frame_view body, envelope& out) override;

private:
    decoded read_length(std::span<const std::byte> input) noexcept;

    std::uint64_t started_ = 0;  ///< bytes on the wire of the frame whose length is known; 0: none
    std::uint8_t header_ = 0;    ///< how many of them are the length
};

}  // namespace coserve
