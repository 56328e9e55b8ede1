/// \file
/// Framing `raw`: one read is one frame.
#pragma once

#include <coserve/codec.hpp>
#include <coserve/option_reader.hpp>

namespace coserve {

/// Whatever one read returned is a frame, at most `max_frame()` bytes of it. The one framing whose
/// frames depend on how the bytes arrive: for protocols without any, such as many tutorials'.
class raw_codec final : public codec {
public:
    struct options {
        void read(option_reader&) {}
    };

    explicit raw_codec(const options& = {}) {}

    decoded decode(std::span<const std::byte> input) override;
    unfinished_frame unfinished(std::size_t buffered) const noexcept override;
    error_code encode(frame_view header, frame_view body, envelope& out) override;
};

}  // namespace coserve
