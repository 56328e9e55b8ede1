/// \file
/// A connection's socket, read and written in frames.
#pragma once

#include "stream_target.hpp"

#include <coserve/codec.hpp>
#include <coserve/frame.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coserve_bench {

/// Where the sockets of a thread read to and write from, one at a time, so that it stays in the
/// processor's cache.
struct transfer_room {
    std::vector<std::byte> input = std::vector<std::byte>(std::size_t{256} << 10);
    std::string output;
};

/// What a closed loop costs a load tool beside its system calls is what it does here: so it has
/// neither buffers of its own, nor a coroutine, nor deadlines, as a `coserve::frame_stream` has.
/// Only what is left over is kept: the beginning of a frame, and what the kernel did not take.
///
/// Errors: `coserve::system_error`, in all that may throw.
class framed_socket {
public:
    explicit framed_socket(transfer_room& r) : room_(r) {}
    framed_socket(const framed_socket&) = delete;
    framed_socket& operator=(const framed_socket&) = delete;
    ~framed_socket() { close(); }

    /// Begins to connect. When it can be written to, `check_connected()` tells what came of it.
    void open(const stream_target::endpoint&);
    void check_connected();
    /// Frames begin here.
    void begin(const coserve::framing&);
    void close() noexcept;

    bool is_open() const noexcept { return descriptor_ >= 0; }

    int descriptor() const noexcept { return descriptor_; }

    enum class arrival : unsigned char { none, some, end };

    /// One look at the socket. What came is to be taken, and the rest kept, before another socket
    /// of this thread has its turn.
    arrival receive();
    /// Valid until the next `receive()`; nullopt: no whole one is there, or what comes is none.
    std::optional<coserve::frame_view> next_frame() {
        if (input_.empty())
            return std::nullopt;
        const coserve::decoded d = decoder_->decode(input_);
        return d.what == coserve::decoded::outcome::frame ? take(d) : next_but(d);
    }

    /// Without framing.
    std::optional<coserve::frame_view> next_bytes(std::size_t size);

    /// Errors: also where that is no frame.
    void keep_rest();

    /// To be sent by `send()`, before another socket of this thread has its turn.
    void queue(coserve::frame_view payload);
    /// Likewise, so many bytes of frames that are all alike and lie one after the other: they are
    /// not copied. Lifetime: until `send()`.
    void queue_alike(std::string_view frames, std::size_t size) {
        if (unsent_.empty())
            alike_ = frames.substr(0, alike_.size() + size);
        else
            unsent_ += frames.substr(0, size);
    }

    /// True: the kernel has taken all of it; false: it is to be called again when there is room.
    bool send();

    /// Bytes that wait for that.
    std::size_t queued() const noexcept {
        return unsent_.empty() ? room_.output.size() + alike_.size() : unsent_.size() - sent_;
    }

private:
    coserve::frame_view take(const coserve::decoded& d) noexcept {
        const auto payload = input_.subspan(d.offset, d.size);
        input_ = input_.subspan(d.consumed);
        return payload;
    }

    std::optional<coserve::frame_view> next_but(coserve::decoded);
    bool send_rest();
    std::size_t send_some(std::string_view);

    int descriptor_ = -1;
    transfer_room& room_;
    std::unique_ptr<coserve::codec> decoder_, encoder_;
    std::exception_ptr broken_;         // why nothing more can be decoded
    std::span<const std::byte> input_;  // what has come and was not taken: in the room, or the rest
    std::vector<std::byte> rest_;
    std::string_view alike_;
    std::string unsent_;
    std::size_t sent_ = 0;  // at the front of what is to be sent
};

}  // namespace coserve_bench
