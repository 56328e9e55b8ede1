/// \file
/// A client of plain system calls: it sees what a stranger's program would see. No wait is longer
/// than `longest_wait`.
#pragma once

#include <coserve/units.hpp>
#include <coserve/url.hpp>

#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace coserve::server_check {

/// Only a hang takes so long, under a sanitizer on a busy machine too.
inline constexpr std::chrono::seconds longest_wait{60};

inline int checked(int result, const char* what) {
    if (result < 0)
        throw std::system_error(errno, std::system_category(), what);
    return result;
}

/// Asks again and again, for what nobody reports.
inline void eventually(const std::function<bool()>& condition, const char* what) {
    const auto until = std::chrono::steady_clock::now() + longest_wait;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until)
            throw std::runtime_error(std::string("not in time: ") + what);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

/// A frame of the default framing.
inline std::string framed(std::string_view payload) {
    std::string out(4, '\0');
    for (int i = 0; i < 4; ++i)
        out[i] = static_cast<char>(payload.size() >> (8 * i));
    return out.append(payload);
}

/// That many bytes, different for each seed, in which a shift shows.
inline std::string pattern(std::size_t size, std::uint32_t seed = 1) {
    std::string out(size, '\0');
    std::uint32_t state = seed * 2654435761U + 1;
    for (char& c : out) {
        state = state * 1664525U + 1013904223U;
        c = static_cast<char>(state >> 24);
    }
    return out;
}

class plain_peer {
public:
    /// `tcp://ADDRESS:PORT` or `unix:PATH`. `receive_buffer`: bytes; 0: as the kernel likes.
    explicit plain_peer(const std::string& url, int receive_buffer = 0) {
        const endpoint_url to = parse_url(url);
        const bool local = to.kind == endpoint_url::scheme::unix_stream;
        const bool v6 = to.host.find(':') != to.host.npos;
        const int family = local ? AF_UNIX : v6 ? AF_INET6 : AF_INET;
        socket_ = checked(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
        const timeval limit{longest_wait.count(), 0};
        set(SOL_SOCKET, SO_RCVTIMEO, limit);
        set(SOL_SOCKET, SO_SNDTIMEO, limit);
        if (receive_buffer != 0)
            set(SOL_SOCKET, SO_RCVBUF, receive_buffer);
        sockaddr_storage storage{};
        auto* const address = reinterpret_cast<sockaddr*>(&storage);
        socklen_t size = 0;
        if (local) {
            auto& un = *reinterpret_cast<sockaddr_un*>(&storage);
            un.sun_family = AF_UNIX;
            to.path.copy(un.sun_path, sizeof un.sun_path - 1);
            size = sizeof un;
        } else if (v6) {
            auto& in = *reinterpret_cast<sockaddr_in6*>(&storage);
            in.sin6_family = AF_INET6;
            in.sin6_port = htons(to.port);
            checked(::inet_pton(AF_INET6, to.host.c_str(), &in.sin6_addr) - 1, "inet_pton");
            size = sizeof in;
        } else {
            auto& in = *reinterpret_cast<sockaddr_in*>(&storage);
            in.sin_family = AF_INET;
            in.sin_port = htons(to.port);
            checked(::inet_pton(AF_INET, to.host.c_str(), &in.sin_addr) - 1, "inet_pton");
            size = sizeof in;
        }
        if (::connect(socket_, address, size) != 0) {
            const int error = errno;
            ::close(socket_);
            throw std::system_error(error, std::system_category(), "connect");
        }
    }

    plain_peer(plain_peer&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}

    plain_peer& operator=(plain_peer&& other) noexcept {
        std::swap(socket_, other.socket_);
        return *this;
    }

    ~plain_peer() { close(); }

    void send(std::string_view data) {
        while (!data.empty()) {
            const auto n = ::send(socket_, data.data(), data.size(), MSG_NOSIGNAL);
            if (n < 0)
                throw std::system_error(errno, std::system_category(), "send");
            data.remove_prefix(static_cast<std::size_t>(n));
        }
    }

    void send_frame(std::string_view payload) { send(framed(payload)); }

    /// Until the other side's kernel has all that was sent.
    void await_arrival() const {
        const auto in_flight = [this] {
            int left = 0;
            checked(::ioctl(socket_, SIOCOUTQ, &left), "SIOCOUTQ");
            return left;
        };
        eventually([&] { return in_flight() == 0; }, "what was sent arrives");
    }

    /// Exactly that many bytes.
    std::string receive(std::size_t size) {
        std::string data(size, '\0');
        for (std::size_t have = 0; have < size;) {
            const auto n = read(data.data() + have, size - have);
            if (n == 0)
                throw std::runtime_error(
                    "the end came after " + std::to_string(have) + " of " + std::to_string(size) +
                    " bytes"
                );
            have += n;
        }
        return data;
    }

    std::string receive_frame() {
        const std::string head = receive(4);
        std::uint32_t size = 0;
        std::memcpy(&size, head.data(), 4);
        return receive(size);
    }

    std::string ask(std::string_view payload) {
        send_frame(payload);
        return receive_frame();
    }

    /// To the peer's FIN. Throws where it resets the connection instead.
    std::string receive_rest() {
        std::string all, part(std::size_t{64} << 10, '\0');
        while (const auto n = read(part.data(), part.size()))
            all.append(part, 0, n);
        return all;
    }

    /// How the connection ends, whatever comes before: with a FIN, or with a reset.
    enum class ending { finished, reset };

    ending await_end() {
        try {
            receive_rest();
        } catch (const std::system_error& e) {
            if (e.code() != std::errc::connection_reset)
                throw;
            return ending::reset;
        }
        return ending::finished;
    }

    /// Something to read, or the end, within no time.
    bool readable() const {
        pollfd p{socket_, POLLIN, 0};
        return checked(::poll(&p, 1, 0), "poll") == 1;
    }

    /// FIN; it can still receive.
    void finish() { checked(::shutdown(socket_, SHUT_WR), "shutdown"); }

    void reset() {
        set(SOL_SOCKET, SO_LINGER, linger{1, 0});
        close();
    }

    void close() {
        if (socket_ >= 0)
            ::close(std::exchange(socket_, -1));
    }

    int native_handle() const noexcept { return socket_; }

private:
    template <class T>
    void set(int level, int name, const T& value) {
        checked(::setsockopt(socket_, level, name, &value, sizeof value), "setsockopt");
    }

    std::size_t read(char* into, std::size_t size) {
        const auto n = ::recv(socket_, into, size, 0);
        if (n < 0 && errno == EAGAIN)
            throw std::runtime_error("nothing came in time");
        if (n < 0)
            throw std::system_error(errno, std::system_category(), "recv");
        return static_cast<std::size_t>(n);
    }

    int socket_ = -1;
};

/// A directory of its own, gone with it.
class temporary_directory {
public:
    temporary_directory() {
        std::string pattern = std::filesystem::temp_directory_path() / "coserve-XXXXXX";
        if (!::mkdtemp(pattern.data()))
            throw std::system_error(errno, std::system_category(), "mkdtemp");
        path_ = pattern;
    }

    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;

    ~temporary_directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    std::string operator/(const char* name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

/// Descriptors that this process has open.
inline std::size_t open_descriptors() {
    std::size_t count = 0;
    for (int fd = 0; fd < 4096; ++fd)
        count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return count;
}

/// What a child process ends with: an exit code, or 128 and its signal. The child gives no longer
/// than a hang would take.
inline int in_child(const std::function<int()>& work) {
    const pid_t child = checked(::fork(), "fork");
    if (child == 0) {
        ::alarm(static_cast<unsigned>(longest_wait.count()));
        int code = 99;
        try {
            code = work();
        } catch (const std::exception& e) {
            const std::string what = std::string("in the child: ") + e.what() + "\n";
            [[maybe_unused]] const auto written = ::write(STDERR_FILENO, what.data(), what.size());
        }
        ::_exit(code);
    }
    int status = 0;
    checked(::waitpid(child, &status, 0), "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace coserve::server_check
