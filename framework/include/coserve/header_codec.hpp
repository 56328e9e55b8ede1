/// \file
/// Framings whose frames have a header that can be read before the body.
#pragma once

#include <coserve/codec.hpp>

#include <cstdint>

namespace coserve {

/// What `frame_stream::read_header()` and `read_body()` need of a codec. `decode` gives the body of
/// a whole frame, and drops what is left of a body whose header was read.
class header_codec : public codec {
public:
    /// Like `decode`: `frame` is the next frame's header. Drops what is left of the body before.
    virtual decoded decode_header(std::span<const std::byte> input) = 0;

    /// A piece of the body whose header was given last; asked while `body_left()` is not 0.
    virtual decoded decode_body(std::span<const std::byte> input) = 0;

    /// That many bytes of it, at most `body_left()`, went past the codec into a file.
    virtual void count_body(std::uint64_t size) noexcept = 0;

    /// Bytes of it that were neither given, counted nor dropped.
    virtual std::uint64_t body_left() const noexcept = 0;
};

}  // namespace coserve
