// Waits for the edges of one descriptor in Asio's reactor, without a system call for each wait.
#pragma once

#include <coserve/io.hpp>

#include <boost/asio/detail/reactor.hpp>
#include <boost/asio/detail/reactor_op.hpp>

#include <cstddef>

namespace coserve {

// `async_wait` asks the kernel afresh before each wait, so that a level is an edge, too; that is a
// tenth of what a small datagram's echo costs. This one tells of edges alone: whoever was told
// takes all there is, or knows that some is left. The reason for Asio's detail names:
// docs/decisions/own-readiness.md.
//
// Thread: on the context's one. Lifetime: until the context has shut down.
class edge_wait final : asio::detail::reactor_op {
public:
    class observer {
    public:
        virtual void on_edge() = 0;
        // It was cancelled, and nothing waits any more.
        virtual void on_cancelled() = 0;

    protected:
        ~observer() = default;
    };

    // Errors: boost::system::system_error.
    edge_wait(io_context&, int descriptor, observer&);
    edge_wait(const edge_wait&) = delete;
    edge_wait& operator=(const edge_wait&) = delete;

    bool waiting() const noexcept { return waiting_; }

    // One call of the observer: at the next edge, or at once where one came since the last call.
    void start() noexcept;
    void cancel() noexcept;
    // Before the descriptor is closed.
    void close() noexcept;

private:
    static status perform(asio::detail::reactor_op*);
    static void
    complete(void* owner, asio::detail::operation* self, const error_code&, std::size_t);

    asio::detail::reactor& reactor_;
    asio::detail::reactor::per_descriptor_data data_ = nullptr;
    const int descriptor_;
    observer& observer_;
    bool waiting_ = false;
};

}  // namespace coserve
