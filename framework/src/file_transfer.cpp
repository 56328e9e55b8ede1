#include "file_transfer.hpp"

#include "arrivals.hpp"
#include "unique_fd.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <memory>
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
bool count_received(ssize_t n, file_transfer& result, byte_count* count) noexcept {
    if (n > 0) {
        result.size += static_cast<std::size_t>(n);
        if (count)
            *count += static_cast<std::size_t>(n);
        return true;
    }
    if (n == 0)
        result.ended = true;
    else
        result.socket_error = errno;
    return false;
}

// False: it moved what `result` says, and the kernel splices nothing more here.
bool splice_all(
    int socket,
    int file,
    std::uint64_t size,
    arrivals& more,
    file_transfer& result,
    byte_count* count
) {
    splice_pipe& pipe = pipe_of_thread;
    if (pipe.open() != 0)
        return size == 0;
    while (result.size != size) {
        const ssize_t n = ::splice(
            socket,
            nullptr,
            pipe.writing(),
            nullptr,
            at_most(size - result.size, wanted_pipe),
            SPLICE_F_MOVE | SPLICE_F_NONBLOCK
        );
        if (more.repeat(n))
            continue;
        if (n < 0 && errno == EINVAL)
            return false;
        if (!count_received(n, result, count))
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

file_transfer
splice_some(int socket, int file, std::uint64_t size, arrivals& more, byte_count* count) {
    file_transfer result;
    if (splice_all(socket, file, size, more, result, count))
        return result;
    const std::uint64_t spliced = result.size;
    result = copy_to_file(socket, file, size - spliced, nullptr, count);
    result.size += spliced;
    return result;
}

// A little at a time, which is in the processor's cache still when it is read.
file_transfer splice_and_read_back(
    int socket, int file, std::uint64_t size, const file_tap& tap, byte_count* count
) {
    const off_t begin = ::lseek(file, 0, SEEK_CUR);
    arrivals more(socket);
    file_transfer result;
    while (result.size != size) {
        const std::uint64_t before = result.size;
        result = splice_some(socket, file, at_most(size - before, read_back_piece), more, count);
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

file_transfer
move_to_file(int socket, int file, std::uint64_t size, const file_tap* tap, byte_count* count) {
    if (!tap)
        return splice_to_file(socket, file, size, count);
    return can_be_read_back(file) ? splice_and_read_back(socket, file, size, *tap, count)
                                  : copy_to_file(socket, file, size, tap, count);
}

file_transfer splice_to_file(int socket, int file, std::uint64_t size, byte_count* count) {
    arrivals more(socket);
    return splice_some(socket, file, size, more, count);
}

file_transfer copy_to_file(
    int socket,
    int file,
    std::uint64_t size,
    const file_tap* tap,
    byte_count* count,
    std::size_t buffer
) {
    std::byte* const memory = memory_of_thread(buffer);
    file_transfer result;
    arrivals more(socket);
    while (result.size != size && result.file_error == 0) {
        const std::size_t most = at_most(size - result.size, buffer);
        const ssize_t n = ::recv(socket, memory, most, MSG_DONTWAIT);
        if (more.repeat(n))
            continue;
        if (!count_received(n, result, count))
            break;
        const std::span<const std::byte> piece(memory, static_cast<std::size_t>(n));
        if (tap && !show(*tap, piece, result))
            break;
        result.file_error = write_to_file(file, piece);
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

}  // namespace coserve
