#include "file_sending.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <sys/sendfile.h>
#include <unistd.h>

namespace coserve {

namespace {

// Writing to a peer that has gone raises SIGPIPE, which a host need not ignore, and sendfile has no
// flag against it. Held back for this thread, and taken away if it came.
class no_broken_pipe {
public:
    no_broken_pipe() noexcept {
        ::sigemptyset(&signal_);
        ::sigaddset(&signal_, SIGPIPE);
        ::sigset_t pending;
        ::sigpending(&pending);
        was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
        ::pthread_sigmask(SIG_BLOCK, &signal_, &before_);
    }

    no_broken_pipe(const no_broken_pipe&) = delete;
    no_broken_pipe& operator=(const no_broken_pipe&) = delete;

    ~no_broken_pipe() {
        constexpr timespec at_once{};
        while (!was_pending_ && ::sigtimedwait(&signal_, nullptr, &at_once) < 0 && errno == EINTR) {
        }
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }

private:
    ::sigset_t signal_, before_;
    bool was_pending_;
};

}  // namespace

file_transfer send_from_file(int socket, int file, std::uint64_t size) noexcept {
    constexpr std::size_t largest_piece = std::size_t{1} << 20;
    const no_broken_pipe guard;
    file_transfer result;
    while (result.size != size) {
        const auto most =
            static_cast<std::size_t>(std::min<std::uint64_t>(size - result.size, largest_piece));
        const ssize_t n = ::sendfile(socket, file, nullptr, most);
        if (n > 0) {
            result.size += static_cast<std::size_t>(n);
            continue;
        }
        if (n == 0) {
            result.ended = true;
            break;
        }
        if (errno == EINTR)
            continue;
        const bool of_file = errno == EIO || errno == EBADF || errno == EINVAL || errno == ENOMEM;
        (of_file ? result.file_error : result.socket_error) = errno;
        break;
    }
    return result;
}

file_transfer read_from_file(int file, std::span<std::byte> into) noexcept {
    file_transfer result;
    while (!into.empty()) {
        const ssize_t n = ::read(file, into.data(), into.size());
        if (n > 0) {
            result.size += static_cast<std::size_t>(n);
            into = into.subspan(static_cast<std::size_t>(n));
        } else if (n == 0) {
            result.ended = true;
            break;
        } else if (errno != EINTR) {
            result.file_error = errno;
            break;
        }
    }
    return result;
}

}  // namespace coserve
