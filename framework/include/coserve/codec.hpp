/// \file
/// The codec interface: how frames lie in a stream of bytes. Bytes in, frames out; no socket and no
/// clock.
#pragma once

#include <coserve/error.hpp>
#include <coserve/frame.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

namespace coserve {

/// What a decoder made of the bytes it was shown.
struct decoded {
    enum class outcome : std::uint8_t {
        need_more,  ///< no whole frame yet: nothing is used up
        frame,      ///< `size` bytes at `offset`; `consumed` are used up
        skipped,    ///< `consumed` bytes of a frame that is dropped without being held
        error,      ///< the stream breaks its framing: nothing more can be decoded
    };

    outcome what = outcome::need_more;
    std::size_t offset = 0;    ///< frame: where its payload begins in the input
    std::size_t size = 0;      ///< frame: its payload, in bytes
    std::size_t consumed = 0;  ///< frame, skipped: bytes at the start of the input that are used up
    /// Need_more: bytes in all that the frame takes, as far as known (0: unknown).
    std::size_t needed = 0;
    /// Error: why; skipped: set once a frame, where it is to be reported.
    error_code error{};
    std::uint64_t declared = 0;  ///< with an error: the length that the frame claims (0: unknown)
};

/// What an end of the stream would cut off.
struct unfinished_frame {
    std::uint64_t have = 0;  ///< bytes of it that arrived
    std::uint64_t due = 0;   ///< bytes in all that it takes, 0: unknown

    bool empty() const noexcept { return have == 0; }
};

/// A payload with what the format puts around it. The views are borrowed from the caller of
/// `encode`.
class envelope {
public:
    std::array<frame_view, 2> payload;  ///< sent one after the other
    std::string_view suffix;            ///< sent last; static storage, or the codec's own

    /// Makes room for `size` bytes before the payload, to be filled by the codec. Up to 24 bytes
    /// cost no allocation.
    std::span<std::byte> make_prefix(std::size_t size) {
        prefix_size_ = size;
        if (size > inline_.size())
            large_.resize(size);
        return {prefix_data(), size};
    }

    std::span<const std::byte> prefix() const noexcept { return {prefix_data(), prefix_size_}; }

    std::size_t size() const noexcept {
        return prefix_size_ + payload[0].size() + payload[1].size() + suffix.size();
    }

private:
    std::byte* prefix_data() noexcept { return large_.empty() ? inline_.data() : large_.data(); }

    const std::byte* prefix_data() const noexcept {
        return large_.empty() ? inline_.data() : large_.data();
    }

    std::array<std::byte, 24> inline_;
    std::size_t prefix_size_ = 0;
    bytes large_;
};

/// One framing of one direction of one connection. Derive from it for a format of your own: one
/// class, which works in a listener's URL once it is registered.
///
/// Thread: on the connection's core.
class codec {
public:
    virtual ~codec() = default;

    /// Looks for the next frame at the start of `input`, which holds all that arrived and is not
    /// used up. After `need_more` it is called again with the same bytes and more behind them, so
    /// that a codec may remember how far it looked; after `frame` and `skipped` the input begins
    /// behind what was used up. The same bytes give the same frames in any split. A declared length
    /// is checked here, before any memory is taken for it.
    virtual decoded decode(std::span<const std::byte> input) = 0;

    /// What is begun and not ended when `buffered` bytes are left that `decode` gave no frame for.
    /// Asked at the end of the stream and for deadlines.
    virtual unfinished_frame unfinished(std::size_t buffered) const noexcept = 0;

    /// What had begun was taken by a raw read: the next `decode` begins with another byte.
    virtual void restart() noexcept {}

    /// Puts the format around a payload: `header` and `body` one after the other, except in formats
    /// that have a place for a header. An error leaves nothing sent.
    virtual error_code encode(frame_view header, frame_view body, envelope& out) = 0;

    /// What was wrong with the last frame that was refused, in words; empty: the error says it all.
    virtual std::string_view complaint() const noexcept { return {}; }

    /// The longest payload in bytes, for the next frame on. A frame keeps the old one once its
    /// length is known, or, in formats without a length, once its first byte has come.
    void set_max_frame(std::size_t size) noexcept { max_frame_ = size; }

    std::size_t max_frame() const noexcept { return max_frame_; }

protected:
    codec() = default;
    codec(const codec&) = default;
    codec& operator=(const codec&) = default;

private:
    std::size_t max_frame_ = std::size_t{16} << 20;
};

/// Makes the codec of one direction of a new connection.
using codec_factory = std::function<std::unique_ptr<codec>()>;

}  // namespace coserve
