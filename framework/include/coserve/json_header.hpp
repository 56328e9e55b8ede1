/// \file
/// Framing `json-header`: a JSON object that names the size of the body behind it.
#pragma once

#include <coserve/header_codec.hpp>
#include <coserve/option_reader.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace coserve {

/// A length of 4 bytes, little-endian, signed; a JSON object of that length; then as many bytes of
/// body as the object's member `size-key` says: what Python writes with `struct.pack('i', n)` and
/// `json.dumps`.
///
///     11000000 {"data_size": 61} and 61 bytes
///
/// `read_frame()` gives the body; `read_header()` the object's text, then `read_body()` the body in
/// pieces. `write_frame(header, body)` puts the body's size behind the header's last member; where
/// the header has that member already it must be right, or the body empty, which then comes by
/// `write()`.
///
/// Errors: `negative_length`; `frame_too_long` for a header over `max-header`, and for a body over
/// `max_frame()` that is not read in pieces; `malformed_frame` for what is no JSON object in UTF-8,
/// nested deeper than 32, for a key that stands twice in one object, and for a size that is missing
/// or not a whole number below 2^63; `unencodable_frame` for a header to write that is one of
/// these. `complaint()` names the key.
class json_header_codec final : public header_codec {
public:
    struct options {
        std::string size_key = "data_size";
        std::size_t max_header = std::size_t{64} << 10;  ///< bytes of the text of one that is read

        void read(option_reader&);
    };

    json_header_codec();
    explicit json_header_codec(options);

    decoded decode(std::span<const std::byte> input) override;
    decoded decode_header(std::span<const std::byte> input) override;
    decoded decode_body(std::span<const std::byte> input) override;
    void count_body(std::uint64_t size) noexcept override;
    std::uint64_t body_left() const noexcept override;
    unfinished_frame unfinished(std::size_t buffered) const noexcept override;
    void restart() noexcept override;
    error_code encode(frame_view header, frame_view body, envelope& out) override;
    std::string_view complaint() const noexcept override { return complaint_; }

private:
    decoded find_header(std::span<const std::byte> input);
    decoded skip(std::size_t available) noexcept;
    decoded refuse(error_code, std::string complaint, std::uint64_t declared = 0);

    std::shared_ptr<const options> options_;
    std::string complaint_;
    std::size_t header_ = 0;     ///< bytes up to the end of the header that was found; 0: none
    std::uint64_t body_ = 0;     ///< its body's size
    std::uint64_t taken_ = 0;    ///< bytes of it that were given or dropped
    bool header_given_ = false;  ///< and the body is next
};

}  // namespace coserve
