/// \file
/// What a service derives from: one object per connection.
#pragma once

#include <coserve/frame_stream.hpp>
#include <coserve/logger.hpp>
#include <coserve/server_handle.hpp>
#include <coserve/sleep.hpp>
#include <coserve/task_group.hpp>

#include <string_view>

namespace coserve {

class session;

/// One object per connection. Its life: `setup()`, `handle()`, its tasks joined, `finish()`, flush,
/// close.
///
///     class shout final : public coserve::stream_handler {
///         coserve::task<> handle() override {
///             while (auto request = co_await read_frame())
///                 co_await write_frame(to_upper(*request));
///         }
///     };
///
/// Errors: an exception that leaves a member ends this one connection, is logged once, and reaches
/// the listener's `handle_error`.
/// Thread: all of it on the connection's core: members need no lock.
/// Lifetime: the members below may be used from `setup()` on, not in the constructor.
class stream_handler {
public:
    virtual ~stream_handler() = default;

    virtual task<> setup();
    /// Returning ends the connection, after its tasks have ended and all that is queued was sent.
    virtual task<> handle() = 0;
    /// Runs whenever `setup()` returned, even after an error or a cancellation, and has 5 s (1 s at
    /// the end of a drain). What it throws is logged.
    virtual task<> finish();

protected:
    frame_stream& stream() noexcept;

    frame_stream::read_operation read_frame() noexcept { return stream().read_frame(); }

    frame_stream::read_operation read_frame(duration limit) noexcept {
        return stream().read_frame(limit);
    }

    frame_stream::wait_operation write_frame(frame_view f) { return stream().write_frame(f); }

    frame_stream::wait_operation write_frame(frame_view header, frame_view body) {
        return stream().write_frame(header, body);
    }

    /// More coroutines of this connection. The first error of one cancels `handle()` and the
    /// others, and is the connection's error.
    task_group& tasks() noexcept;
    /// A way to this connection from other threads.
    mailbox sender() const;
    task<> sleep(duration);
    server_handle server() const;
    /// One line of the server's log that names the peer, the listener and the service.
    void log(log_level, std::string_view message, std::string_view reason) const noexcept;

private:
    friend class session;
    session* session_ = nullptr;
};

}  // namespace coserve
