/// \file
/// One connection, read and written in frames.
#pragma once

#include <coserve/codec.hpp>
#include <coserve/completion.hpp>
#include <coserve/endpoint.hpp>
#include <coserve/file_tap.hpp>
#include <coserve/frame.hpp>
#include <coserve/limits.hpp>
#include <coserve/mailbox.hpp>
#include <coserve/option_reader.hpp>
#include <coserve/task.hpp>

#include <boost/asio/async_result.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>

namespace coserve {

class stream_state;

/// A connection over TCP, a Unix socket or memory.
///
/// Reading: one reader at a time (`errc::concurrent_read`). What a read gives is valid until the
/// next one. Frames and raw reads may be mixed, and the codec changed between them: no buffered
/// byte is lost. A raw read also takes what a frame read that timed out had of its frame.
/// Writing: a call queues; call order is wire order; several coroutines may write. Queued output
/// goes to the kernel when a read finds nothing buffered, at `flush()`, and in any case within one
/// turn of the core's loop after the coroutine suspends on anything.
///
/// Lifetime: destroying an open stream closes it as `close()` does, in the background.
/// Thread: on its core.
/// Errors: `boost::system::system_error`. After one that ends the connection every further
/// operation throws it again.
/// Cancellation: a cancelled operation throws `boost::asio::error::operation_aborted` and loses
/// nothing.
class frame_stream {
public:
    class read_operation;
    class wait_operation;

    frame_stream(frame_stream&&) noexcept;
    frame_stream& operator=(frame_stream&&) noexcept;
    ~frame_stream();

    /// The next frame; nullopt: the peer finished, between frames. Costs nothing to await where a
    /// frame is buffered.
    read_operation read_frame() noexcept;
    /// Likewise, with `errc::timeout` when `limit` runs out first: nothing is lost, and it can be
    /// called again.
    read_operation read_frame(duration limit) noexcept;
    /// The header of the next frame, as its text, in a framing that has headers (`json-header`);
    /// nullopt: the peer finished, between frames. What is left of the body before is dropped.
    /// Errors: `errc::no_headers`, and the stream goes on.
    read_operation read_header() noexcept;
    /// The body behind that header in pieces, of at most 64 KiB; nullopt: that was all of it. A
    /// drain lets it come to its end.
    /// Errors: `errc::no_headers`; `errc::truncated_frame` where the peer finishes before.
    read_operation read_body() noexcept;
    /// All of it, or what is left of it, as `receive_file()` does. Gives the number of bytes.
    /// Errors: `errc::no_headers`, and those of `receive_file()`; after `file_error` the rest of the
    /// body stays to be read.
    task<std::uint64_t> read_body(int file);
    /// All that has arrived, at least one byte; nullopt: the peer finished.
    read_operation read_some() noexcept;
    /// That many bytes, none for a size of 0; nullopt: the peer finished before the first of them.
    read_operation read_exactly(std::size_t size) noexcept;
    /// What stands before the delimiter, which is used up and not delivered; nullopt: the peer
    /// finished, with nothing begun.
    /// Errors: `errc::frame_too_long` when more than the framing's maximum comes without one; in the
    /// call: `std::invalid_argument` for an empty delimiter.
    read_operation read_until(std::string_view delimiter);

    /// Exactly that many bytes into a file, at its offset, without a limit on their number: those
    /// that are buffered first, then those that the kernel moves by itself. The file's part of it
    /// runs on the blocking pool. What waits there at most: a piece of 1 MiB for each of its
    /// threads. A drain lets it come to its end.
    /// Errors: `file_error` for the file, and what was read for it is lost; `errc::truncated_frame`
    /// where the peer finishes before; `errc::frame_timeout` when no byte comes for
    /// `stream_limits::file_timeout`.
    /// Lifetime: the descriptor is open until the task ends.
    /// Cancellation: the stream's position is unknown.
    task<> receive_file(int file, std::uint64_t size);
    /// Likewise, and `tap` sees every byte, in order, one call at a time. Cheapest where `file` can
    /// be read, too.
    /// Errors: also what `tap` throws.
    task<> receive_file(int file, std::uint64_t size, file_tap& tap);
    task<> receive_file(int file, std::uint64_t size, file_tap&& tap) = delete;
    /// Bytes that have come so far of the file that is being received, whether or not the disk has
    /// them; 0: none is.
    std::uint64_t file_received() const noexcept;

    /// Queues one frame, in the call. Awaiting what it returns waits only while more than the
    /// high-water mark is queued.
    /// Errors: in the call: `errc::unencodable_frame`, `errc::frame_too_long` (nothing is queued,
    /// and the stream goes on), `errc::output_overflow` (the caller does not await its writes).
    wait_operation write_frame(frame_view);
    /// A frame with a header, in framings that have a place for one; in all others the two as one
    /// frame.
    wait_operation write_frame(frame_view header, frame_view body);
    /// Bytes as they are, without framing.
    wait_operation write(frame_view raw);
    /// That many bytes of a file, from its offset, behind what is queued when it is awaited,
    /// without passing through this program where the kernel can do that. What is written meanwhile
    /// goes out behind them. Ends when the kernel has taken them.
    /// Errors: `errc::concurrent_send`, and the stream goes on; `file_error`,
    /// `errc::file_too_short`, where the stream is reset, for its position is unknown.
    /// Lifetime: the descriptor is open until the task ends.
    /// Cancellation: resets the stream.
    task<> send_file(int file, std::uint64_t size);
    /// Likewise, that the kernel has taken of the file that is being sent.
    std::uint64_t file_sent() const noexcept;
    /// Completes when the kernel has taken all that is queued.
    wait_operation flush();

    /// Completes when the peer has ended or reset its side, even behind unread data. Reads nothing.
    wait_operation closed() noexcept;

    /// Changes the framing from the next frame on; a read that waits looks again when more comes.
    /// The maximum stays what it is for this stream.
    void read_with(std::unique_ptr<codec>) noexcept;
    void write_with(std::unique_ptr<codec>) noexcept;
    void set_max_frame(std::size_t size) noexcept;       ///< of frames read, from the next on
    void set_max_send_frame(std::size_t size) noexcept;  ///< of frames written

    /// Sends what is queued, then FIN, then waits for the peer's for a while, in the background.
    /// Later reads and writes throw.
    void close() noexcept;
    /// Resets the connection at once; what is queued is lost.
    void abort() noexcept;

    /// As the listener or `connect()` was told.
    const stream_limits& limits() const noexcept;
    const endpoint& peer() const noexcept;
    endpoint local() const noexcept;
    /// The server is stopping: reads give what had arrived, then nullopt.
    bool draining() const noexcept;
    /// Bytes queued that the kernel has not taken.
    std::size_t queued() const noexcept;
    /// Bytes that the kernel has taken and the peer has not acknowledged.
    std::size_t unacknowledged() const noexcept;
    mailbox sender() const;

    /// For the framework and its test kit: what stands behind a stream, which owns it from here on.
    explicit frame_stream(stream_state*) noexcept;

    stream_state& state() const noexcept { return *state_; }

private:
    task<> receive(int file, std::uint64_t size, file_tap*, bool of_body);
    task<> receive_piece(int file, file_tap*);
    task<> receive_directly(int file, int socket, file_tap*);
    task<> sendable();
    task<> send_pieces(int file, std::uint64_t size);
    task<> send_directly(int file, int socket, std::uint64_t size);

    stream_state* state_;
};

/// What a read asks for.
struct read_request {
    enum class kind : unsigned char {
        frame,
        header,
        body,
        arrival,  ///< of more for a file: nothing is read
        piece,    ///< of a file
        some,
        exactly,
        until
    };

    kind what = kind::frame;
    std::size_t size = 0;              ///< of what is read, of a piece at most; of the delimiter
    const char* delimiter = nullptr;   ///< until
    duration limit = duration::max();  ///< max(): none
};

/// What a stream can be waited for.
enum class stream_event : unsigned char { writable, flushed, sendable, peer_gone, closed };

/// A ready operation of `task<>`, and an Asio asynchronous operation, so that plain
/// `asio::awaitable` coroutines can await it too.
/// Lifetime: awaited before its stream, and what its arguments refer to, end.
class [[nodiscard]] frame_stream::read_operation {
public:
    using signature = void(std::exception_ptr, std::optional<frame>);

    read_operation(stream_state& s, const read_request& r) noexcept
        : waiting_{.stream = &s}, request_(r) {}

    bool ready();

    std::optional<frame> take() const noexcept { return next_; }

    bool never_completes() const noexcept;

    auto wait() noexcept -> auto&& { return std::move(waiting_); }

    template <boost::asio::completion_token_for<signature> Token>
    auto operator()(Token&& token) {
        return boost::asio::async_initiate<Token, signature>(
            [stream = waiting_.stream, request = request_](completion<signature> handler) {
                start(*stream, request, std::move(handler));
            },
            token
        );
    }

private:
    // After ready() said no.
    struct waiting {
        stream_state* stream;

        template <boost::asio::completion_token_for<signature> Token>
        auto operator()(Token&& token) {
            return boost::asio::async_initiate<Token, signature>(
                [s = stream](completion<signature> handler) { go_on(*s, std::move(handler)); },
                token
            );
        }
    };

    static void start(stream_state&, const read_request&, completion<signature>);
    static void go_on(stream_state&, completion<signature>);

    waiting waiting_;
    read_request request_;
    std::optional<frame> next_;
};

/// Likewise, for all that gives nothing.
class [[nodiscard]] frame_stream::wait_operation {
public:
    using signature = void(std::exception_ptr);

    wait_operation(stream_state& s, stream_event e, bool happened = false) noexcept
        : stream_(&s), event_(e), happened_(happened) {}

    bool ready() { return happened_ || asked(); }

    void take() const noexcept {}

    bool never_completes() const noexcept;

    wait_operation&& wait() noexcept { return std::move(*this); }

    template <boost::asio::completion_token_for<signature> Token>
    auto operator()(Token&& token) {
        return boost::asio::async_initiate<Token, signature>(
            [stream = stream_, event = event_](completion<signature> handler) {
                start(*stream, event, std::move(handler));
            },
            token
        );
    }

private:
    bool asked();
    static void start(stream_state&, stream_event, completion<signature>);

    stream_state* stream_;
    stream_event event_;
    bool happened_;  // when this was made
};

}  // namespace coserve
