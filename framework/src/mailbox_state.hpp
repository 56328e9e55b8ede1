// What a mailbox and its stream share.
#pragma once

#include <coserve/io.hpp>
#include <coserve/mailbox.hpp>

#include <deque>
#include <mutex>

namespace coserve {

// Thread: any; deliver(), attach() and detach() on the stream's core.
struct mailbox::state : std::enable_shared_from_this<mailbox::state> {
public:
    state(io_context& context, std::size_t capacity) : context_(context), capacity_(capacity) {}

    result post(bytes message);

    // Hands over what waits until the stream has enough.
    void deliver();
    void attach(stream_state& s) noexcept { stream_ = &s; }

    void detach() noexcept;

private:
    io_context& context_;
    const std::size_t capacity_;  // bytes; an empty mailbox takes a message of any size
    std::mutex mutex_;
    std::deque<bytes> waiting_;
    std::size_t size_ = 0;
    bool posted_ = false, delivering_ = false;
    stream_state* stream_ = nullptr;  // null: closed
};

}  // namespace coserve
