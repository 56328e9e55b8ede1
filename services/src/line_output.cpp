#include <coserve/services/line_output.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>

#include <cerrno>
#include <climits>
#include <cstddef>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace coserve {
namespace {

/// Not a system_error: a connection's log would take it for its peer's.
[[noreturn]] void fail(int error) {
    throw std::runtime_error(
        "cannot write to the output: " + std::generic_category().message(error)
    );
}

/// Whether a piece of PIPE_BUF bytes is taken now.
bool takes_piece(int descriptor) {
    pollfd p{descriptor, POLLOUT, 0};
    if (::poll(&p, 1, 0) <= 0)
        return false;
    // Writing to a pipe without a reader would raise SIGPIPE, which a host need not ignore.
    if ((p.revents & POLLERR) != 0)
        fail(EPIPE);
    return true;
}

/// How much of the text was written before the descriptor was full.
std::size_t write_pieces(int descriptor, std::string_view text) {
    std::size_t done = 0;
    while (done < text.size() && takes_piece(descriptor)) {
        const std::string_view piece = text.substr(done, PIPE_BUF);
        const ssize_t written = ::write(descriptor, piece.data(), piece.size());
        if (written >= 0)
            done += static_cast<std::size_t>(written);
        else if (errno == EAGAIN || done != 0)  // an error comes again, when nothing is to be kept
            break;
        else if (errno != EINTR)
            fail(errno);
    }
    return done;
}

/// Through an epoll set of its own: Asio would make the descriptor itself non-blocking, for all who
/// share it.
task<> wait_writable(int descriptor) {
    const auto executor = co_await boost::asio::this_coro::executor;
    boost::asio::posix::stream_descriptor set(executor, ::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{};
    event.events = EPOLLOUT;
    if (::epoll_ctl(set.native_handle(), EPOLL_CTL_ADD, descriptor, &event) != 0)
        fail(errno);
    co_await set.async_wait(boost::asio::posix::descriptor_base::wait_read, boost::asio::deferred);
}

}  // namespace

struct line_output::state {
    explicit state(int d) : descriptor(d) {}

    /// Whether the line was begun; what is not written of it yet is the rest.
    bool begin(std::string_view line) {
        const std::lock_guard lock(mutex_);
        if (!write_rest())
            return false;
        std::string whole(line);
        whole += '\n';
        const std::size_t written = write_pieces(descriptor, whole);
        if (written != 0 && written != whole.size()) {
            rest_ = std::move(whole);
            written_ = written;
        }
        return written != 0;
    }

    bool end() {
        const std::lock_guard lock(mutex_);
        return write_rest();
    }

    const int descriptor;

private:
    bool write_rest() {
        if (rest_.empty())
            return true;
        written_ += write_pieces(descriptor, std::string_view(rest_).substr(written_));
        if (written_ != rest_.size())
            return false;
        rest_ = {};
        return true;
    }

    std::mutex mutex_;
    std::string rest_;         ///< a line that was begun
    std::size_t written_ = 0;  ///< of that
};

line_output::line_output(int descriptor) : state_(std::make_shared<state>(descriptor)) {}

task<> line_output::write(std::string_view line) const {
    const std::shared_ptr<state> s = state_;
    while (!s->begin(line))
        co_await wait_writable(s->descriptor);
    while (!s->end())
        co_await wait_writable(s->descriptor);
}

}  // namespace coserve
