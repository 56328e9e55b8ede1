#include "file_transfer.hpp"

#include "unique_fd.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <memory>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace coserve {

namespace {

constexpr std::size_t wanted_pipe = std::size_t{1} << 20;
constexpr std::size_t read_back_piece = std::size_t{512} << 10;

// One a thread: between two calls it is empty, so who comes next can use it.
class splice_pipe {
public:
    // 0, or an errno.
    int open() noexcept {
        if (reading_)
            return 0;
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0)
            return errno;
        reading_ = unique_fd(ends[0]);
        writing_ = unique_fd(ends[1]);
        // Where the user's pipes have too many pages already, a small one does too.
        ::fcntl(writing_.get(), F_SETPIPE_SZ, static_cast<int>(wanted_pipe));
        return 0;
    }

    // With what is in it.
    void close() noexcept {
        reading_.reset();
        writing_.reset();
    }

    int reading() const noexcept { return reading_.get(); }

    int writing() const noexcept { return writing_.get(); }

private:
    unique_fd reading_, writing_;
};

thread_local splice_pipe pipe_of_thread;

// What a splice did. EINVAL: the kernel has none between these two.
struct spliced {
    std::size_t size = 0;
    int error = 0;
};

// Of `size` bytes that are in the pipe.
spliced empty_pipe(int from, int file, std::size_t size) noexcept {
    spliced result;
    while (result.size != size) {
        const ssize_t n = ::splice(from, nullptr, file, nullptr, size - result.size, SPLICE_F_MOVE);
        if (n > 0) {
            result.size += static_cast<std::size_t>(n);
        } else if (n == 0 || errno != EINTR) {
            result.error = n == 0 ? EIO : errno;
            break;
        }
    }
    return result;
}

// 0, or the file's errno.
int read_out_pipe(int from, int file, std::size_t size) noexcept {
    std::array<std::byte, 16 << 10> memory;
    while (size != 0) {
        const ssize_t n = ::read(from, memory.data(), std::min(size, memory.size()));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? EIO : errno;
        const auto piece = std::span(memory).first(static_cast<std::size_t>(n));
        if (const int error = write_to_file(file, piece))
            return error;
        size -= piece.size();
    }
    return 0;
}

std::size_t at_most(std::uint64_t size, std::size_t most) noexcept {
    return static_cast<std::size_t>(std::min<std::uint64_t>(size, most));
}

// False: the socket has no more, or has failed.
bool count_received(ssize_t n, file_transfer& result) noexcept {
    if (n > 0) {
        result.size += static_cast<std::size_t>(n);
        return true;
    }
    if (n == 0)
        result.ended = true;
    else
        result.socket_error = errno;
    return false;
}

// A fast sender has more in a moment: waiting for it here spares the way through the core and back.
// Little in all, and only for who has shown to be fast, because others wait for this thread.
class arrivals {
public:
    explicit arrivals(int socket) noexcept : socket_(socket) {}

    // After a call that gave `n`, when there were `moved` bytes in all: whether to call again.
    // Keeps errno.
    bool repeat(ssize_t n, std::uint64_t moved) noexcept {
        if (n >= 0) {
            waited_ = false;
            return false;
        }
        if (errno != EAGAIN)
            return errno == EINTR;
        // Once: an urgent byte makes the socket readable, and no splice comes past it.
        return moved >= fast && !std::exchange(waited_, true) && come_soon();
    }

private:
    using clock = std::chrono::steady_clock;

    static constexpr std::uint64_t fast = std::uint64_t{128} << 10;

    bool come_soon() noexcept {
        constexpr int most = 2;  // milliseconds
        const auto begin = clock::now();
        pollfd readable{.fd = socket_, .events = POLLIN, .revents = 0};
        const bool ready = left_ > clock::duration::zero() && ::poll(&readable, 1, most) > 0;
        left_ -= clock::now() - begin;
        errno = EAGAIN;
        return ready;
    }

    const int socket_;
    clock::duration left_ = std::chrono::milliseconds(10);  // who drips has no more of the thread
    bool waited_ = false;
};

// False: it moved what `result` says, and the kernel splices nothing more here.
bool splice_all(int socket, int file, std::uint64_t size, file_transfer& result) {
    splice_pipe& pipe = pipe_of_thread;
    if (pipe.open() != 0)
        return size == 0;
    arrivals more(socket);
    while (result.size != size) {
        const ssize_t n = ::splice(
            socket,
            nullptr,
            pipe.writing(),
            nullptr,
            at_most(size - result.size, wanted_pipe),
            SPLICE_F_MOVE | SPLICE_F_NONBLOCK
        );
        if (more.repeat(n, result.size))
            continue;
        if (n < 0 && errno == EINVAL)
            return false;
        if (!count_received(n, result))
            return true;
        const auto piped = static_cast<std::size_t>(n);
        const spliced out = empty_pipe(pipe.reading(), file, piped);
        const bool refused = out.error == EINVAL;
        result.file_error =
            refused ? read_out_pipe(pipe.reading(), file, piped - out.size) : out.error;
        if (result.file_error != 0)
            pipe.close();
        if (refused || result.file_error != 0)
            return result.file_error != 0;
    }
    return true;
}

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

// One a thread, as large as was ever asked for.
std::byte* memory_of_thread(std::size_t size) {
    thread_local std::unique_ptr<std::byte[]> memory;
    thread_local std::size_t capacity = 0;
    if (capacity < size) {
        memory.reset(new std::byte[size]);
        capacity = size;
    }
    return memory.get();
}

// False: it threw.
bool show(const file_tap& tap, std::span<const std::byte> piece, file_transfer& result) noexcept {
    try {
        tap(piece);
        return true;
    } catch (...) {
        result.refusal = std::current_exception();
        return false;
    }
}

bool can_be_read_back(int file) noexcept {
    return (::fcntl(file, F_GETFL) & (O_ACCMODE | O_APPEND)) == O_RDWR &&
           ::lseek(file, 0, SEEK_CUR) >= 0;
}

// 0, or the file's errno.
int read_back(int file, off_t at, std::uint64_t size, const file_tap& tap, file_transfer& result) {
    std::byte* const memory = memory_of_thread(copied_piece);
    while (size != 0) {
        const ssize_t n = ::pread(file, memory, at_most(size, copied_piece), at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? EIO : errno;
        if (!show(tap, {memory, static_cast<std::size_t>(n)}, result))
            return 0;
        at += n;
        size -= static_cast<std::uint64_t>(n);
    }
    return 0;
}

// A little at a time, which is in the processor's cache still when it is read.
file_transfer splice_and_read_back(int socket, int file, std::uint64_t size, const file_tap& tap) {
    const off_t begin = ::lseek(file, 0, SEEK_CUR);
    file_transfer result;
    while (result.size != size) {
        const std::uint64_t before = result.size;
        result = splice_to_file(socket, file, at_most(size - before, read_back_piece));
        const std::uint64_t moved = std::exchange(result.size, before + result.size);
        if (result.file_error == 0)
            result.file_error =
                read_back(file, begin + static_cast<off_t>(before), moved, tap, result);
        if (result.file_error != 0 || result.socket_error != 0 || result.ended || result.refusal)
            break;
    }
    return result;
}

}  // namespace

file_transfer move_to_file(int socket, int file, std::uint64_t size, const file_tap* tap) {
    if (!tap)
        return splice_to_file(socket, file, size);
    return can_be_read_back(file) ? splice_and_read_back(socket, file, size, *tap)
                                  : copy_to_file(socket, file, size, tap);
}

file_transfer splice_to_file(int socket, int file, std::uint64_t size) {
    file_transfer result;
    if (splice_all(socket, file, size, result))
        return result;
    const std::uint64_t spliced = result.size;
    result = copy_to_file(socket, file, size - spliced);
    result.size += spliced;
    return result;
}

file_transfer
copy_to_file(int socket, int file, std::uint64_t size, const file_tap* tap, std::size_t buffer) {
    std::byte* const memory = memory_of_thread(buffer);
    file_transfer result;
    arrivals more(socket);
    while (result.size != size && result.file_error == 0) {
        const std::size_t most = at_most(size - result.size, buffer);
        const ssize_t n = ::recv(socket, memory, most, MSG_DONTWAIT);
        if (more.repeat(n, result.size))
            continue;
        if (!count_received(n, result))
            break;
        const std::span<const std::byte> piece(memory, static_cast<std::size_t>(n));
        if (tap && !show(*tap, piece, result))
            break;
        result.file_error = write_to_file(file, piece);
    }
    return result;
}

file_transfer send_from_file(int socket, int file, std::uint64_t size) noexcept {
    constexpr std::size_t largest_piece = std::size_t{1} << 20;
    const no_broken_pipe guard;
    file_transfer result;
    while (result.size != size) {
        const std::size_t most = at_most(size - result.size, largest_piece);
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

int write_to_file(int file, std::span<const std::byte> data) noexcept {
    while (!data.empty()) {
        const ssize_t n = ::write(file, data.data(), data.size());
        if (n >= 0)
            data = data.subspan(static_cast<std::size_t>(n));
        else if (errno != EINTR)
            return errno;
    }
    return 0;
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
