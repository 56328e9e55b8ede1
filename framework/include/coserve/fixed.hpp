/// \file
/// Framing `fixed`: every frame has the same size.
#pragma once

#include <coserve/codec.hpp>
#include <coserve/option_reader.hpp>

#include <cstddef>

namespace coserve {

/// Frames of `size` bytes, one after the other, and nothing between them: records.
///
/// Errors: `frame_too_long` with the first byte where the size is over the maximum;
/// `frame_too_long` and `unencodable_frame` (another size) from `encode`.
class fixed_codec final : public codec {
public:
    struct options {
        std::size_t size = 0;  ///< of each frame in bytes, at least 1; has no default

        void read(option_reader&);
    };

    /// Errors: `configuration_error` for a size of 0.
    explicit fixed_codec(const options&);

    decoded decode(std::span<const std::byte> input) override;
    unfinished_frame unfinished(std::size_t buffered) const noexcept override;
    void restart() noexcept override;
    error_code encode(frame_view header, frame_view body, envelope& out) override;

private:
    std::size_t size_;
    bool begun_ = false;  ///< a frame that the maximum at its first byte allowed
};

}  // namespace coserve
