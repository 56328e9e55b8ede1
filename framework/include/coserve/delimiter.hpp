/// \file
/// Framing `delimiter`: a frame ends with a byte string, or with any of a set of bytes.
#pragma once

#include <coserve/codec.hpp>
#include <coserve/on_too_long.hpp>
#include <coserve/option_reader.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace coserve {

/// The payload, then a delimiter; the first one that the bytes hold ends the frame. What is written
/// ends with the byte string, or with the first byte of the set.
///
/// With `keep_end` a frame is delivered with its end; one that brings its end is written as it is.
///
/// Errors: `frame_too_long` as soon as more than the maximum has come, ends not counted;
/// `frame_too_long` from `encode`, and `unencodable_frame` for a payload in which, or with which, a
/// delimiter begins too early.
class delimiter_codec : public codec {
public:
    struct options {
        std::string delimiter;  ///< what ends a frame; this or `any_of`
        std::string any_of;     ///< bytes of which each ends a frame
        bool keep_end = false;
        on_too_long too_long = on_too_long::close;

        void read(option_reader&);
    };

    /// Errors: `configuration_error` unless one of the two is given.
    explicit delimiter_codec(const options&);

    decoded decode(std::span<const std::byte> input) final;
    unfinished_frame unfinished(std::size_t buffered) const noexcept final;
    void restart() noexcept final;
    error_code encode(frame_view header, frame_view body, envelope& out) final;

protected:
    /// Lines: frames end with that byte, and with a carriage return before it where there is one.
    delimiter_codec(char end, bool keep_end, on_too_long);

private:
    struct pattern;
    using view = std::span<const std::byte>;

    std::string_view end() const noexcept;  ///< as it is written
    /// Where the first end begins, of those that begin at `from` or later; `npos`.
    std::size_t find(view input, std::size_t from) const noexcept;
    std::size_t ruled_out(std::size_t size) const noexcept;
    std::size_t begun_end(view input) const noexcept;
    std::size_t own_end(view header, view body) const noexcept;
    bool holds_end(view header, view body) const noexcept;
    bool crosses(view header, view body, std::size_t border) const noexcept;
    decoded search_on(view input) noexcept;
    decoded too_long(view input, std::size_t from) noexcept;
    decoded skip(view input, std::size_t from) noexcept;

    // Small: an idle connection keeps two codecs.
    std::shared_ptr<const pattern> pattern_;  ///< all connections'; null: `byte_` alone ends frames
    /// Bytes at the start of the input where no end begins; of a frame that is skipped, those that
    /// were dropped.
    std::size_t progress_ = 0;
    std::size_t limit_ = 0;  ///< the maximum of the frame that has begun
    char byte_;
    bool begun_ : 1 = false, skipping_ : 1 = false;
    bool optional_return_ : 1, keeps_end_ : 1, skips_too_long_ : 1;
};

}  // namespace coserve
