/// \file
/// Framing `netstring`: `5:hello,`.
#pragma once

#include <coserve/codec.hpp>
#include <coserve/option_reader.hpp>

#include <cstdint>

namespace coserve {

/// The payload's length in decimal digits, a colon, the payload, a comma: `5:hello,`, and `0:,` for
/// an empty one. No leading zeros, no sign, no blanks. The format is D. J. Bernstein's,
/// https://cr.yp.to/proto/netstrings.txt.
///
/// Errors: `malformed_frame` at the first byte that cannot be; `frame_too_long` as soon as the
/// length is complete, or has more digits than 64 bits hold; `frame_too_long` from `encode`.
class netstring_codec final : public codec {
public:
    struct options {
        void read(option_reader&) {}
    };

    explicit netstring_codec(const options& = {}) {}

    decoded decode(std::span<const std::byte> input) override;
    unfinished_frame unfinished(std::size_t buffered) const noexcept override;
    void restart() noexcept override;
    error_code encode(frame_view header, frame_view body, envelope& out) override;

private:
    decoded read_length(std::span<const std::byte> input) noexcept;

    std::uint64_t started_ = 0;  ///< bytes on the wire of the frame whose length is known; 0: none
    std::uint8_t header_ = 0;    ///< how many of them are the digits and the colon
};

}  // namespace coserve
