/// \file
/// Two connected streams over memory, a Unix socket pair and loopback TCP: every test of streams
/// runs over each.
#pragma once

#include <coserve/frame_stream.hpp>
#include <coserve/io.hpp>
#include <coserve/testing/manual_clock.hpp>
#include <coserve/testing/memory_wire.hpp>
#include <coserve/testing/run_coroutine.hpp>

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <linux/sockios.h>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace coserve::stream_check {

using namespace std::chrono_literals;

// ---- sockets

inline int checked(int result, const char* what) {
    if (result < 0)
        throw std::system_error(errno, std::system_category(), what);
    return result;
}

/// Two connected, non-blocking descriptors, which belong to the caller.
using sockets = std::array<int, 2>;

inline sockets local_sockets() {
    sockets pair{};
    checked(
        ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()),
        "socketpair"
    );
    return pair;
}

/// `buffer`: bytes for each kernel buffer; 0: as the kernel likes.
inline sockets tcp_sockets(int buffer = 0) {
    const auto set = [](int socket, int level, int name, int value) {
        checked(::setsockopt(socket, level, name, &value, sizeof value), "setsockopt");
    };
    const int listener = checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    const int client = checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    if (buffer != 0)
        for (const int socket : {listener, client})
            for (const int which : {SO_SNDBUF, SO_RCVBUF})
                set(socket, SOL_SOCKET, which, buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const at = reinterpret_cast<sockaddr*>(&address);
    checked(::bind(listener, at, size), "bind");
    checked(::listen(listener, 1), "listen");
    checked(::getsockname(listener, at, &size), "getsockname");
    checked(::connect(client, at, size), "connect");
    const int server = checked(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC), "accept4");
    ::close(listener);
    for (const int socket : {server, client}) {
        set(socket, IPPROTO_TCP, TCP_NODELAY, 1);
        int on = 1;
        checked(::ioctl(socket, FIONBIO, &on), "ioctl");
    }
    return {server, client};
}

// ---- bytes

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

/// A mismatch of megabytes is told in one line.
inline ::testing::AssertionResult same_bytes(std::string_view got, std::string_view expected) {
    if (got == expected)
        return ::testing::AssertionSuccess();
    const auto [g, e] = std::mismatch(got.begin(), got.end(), expected.begin(), expected.end());
    return ::testing::AssertionFailure()
           << got.size() << " bytes, where " << expected.size()
           << " were due; the first that differs is at " << g - got.begin();
}

// ---- what coroutines do with a stream

inline std::optional<std::string> kept(const std::optional<frame>& f) {
    if (!f)
        return std::nullopt;
    return std::string(f->text());
}

inline task<std::optional<std::string>> next(frame_stream& s) {
    co_return kept(co_await s.read_frame());
}

inline task<std::optional<std::string>> next(frame_stream& s, duration limit) {
    co_return kept(co_await s.read_frame(limit));
}

inline task<std::optional<std::string>> some(frame_stream& s) {
    co_return kept(co_await s.read_some());
}

inline task<std::optional<std::string>> exactly(frame_stream& s, std::size_t size) {
    co_return kept(co_await s.read_exactly(size));
}

inline task<std::optional<std::string>> before(frame_stream& s, std::string delimiter) {
    co_return kept(co_await s.read_until(delimiter));
}

/// To the end of the stream.
inline task<std::vector<std::string>> all_frames(frame_stream& s) {
    std::vector<std::string> got;
    while (const auto f = co_await s.read_frame())
        got.emplace_back(f->text());
    co_return got;
}

inline task<std::string> all_bytes(frame_stream& s) {
    std::string got;
    while (const auto f = co_await s.read_some())
        got += f->text();
    co_return got;
}

inline task<> send(frame_stream& s, std::string raw) {
    co_await s.write(raw);
    co_await s.flush();
}

inline task<> send_frame(frame_stream& s, std::string payload) {
    co_await s.write_frame(payload);
    co_await s.flush();
}

template <class T>
task<> ignore(task<T> work) {
    co_await std::move(work);
}

inline task<> flushed(frame_stream& s) {
    co_await s.flush();
}

inline task<> gone(frame_stream& s) {
    co_await s.closed();
}

/// The stream's own end: its descriptor is closed.
inline task<> ended(frame_stream& s) {
    frame_stream::wait_operation end(s.state(), stream_event::closed);
    co_await end;
}

// ---- the fixture

enum class medium : std::uint8_t { memory, local, tcp };

inline std::string name_of(const ::testing::TestParamInfo<medium>& info) {
    static constexpr std::array names{"memory", "local", "tcp"};
    return names.at(static_cast<std::size_t>(info.param));
}

inline auto every_medium() {
    return ::testing::Values(medium::memory, medium::local, medium::tcp);
}

/// How something that runs beside the test ended.
struct beside {
    bool done = false;
    std::exception_ptr error{};
};

inline error_code code_of(const std::exception_ptr& error) {
    try {
        if (error)
            std::rethrow_exception(error);
    } catch (const system_error& e) {
        return e.code();
    }
    return {};
}

class stream_test : public ::testing::TestWithParam<medium> {
protected:
    /// Connects the two ends. `narrow`: with small buffers in between, which are soon full.
    void open(
        const testing::stream_options& near = {},
        const testing::stream_options& far = {},
        bool narrow = false
    ) {
        if (GetParam() == medium::memory) {
            wire_.emplace(context_);
            if (narrow)
                wire_->set_capacity(16 << 10);
            near_.emplace(wire_->open(testing::memory_wire::end::server, near));
            far_.emplace(wire_->open(testing::memory_wire::end::client, far));
            return;
        }
        const sockets pair =
            GetParam() == medium::local ? local_sockets() : tcp_sockets(narrow ? 64 << 10 : 0);
        near_socket_ = pair[0];
        far_socket_ = pair[1];
        near_.emplace(testing::open_socket(context_, pair[0], near));
        far_.emplace(testing::open_socket(context_, pair[1], far));
    }

    /// Bytes that came to the near end and were not read.
    std::size_t arrived() const {
        if (GetParam() == medium::memory)
            return wire_->in_flight(testing::memory_wire::end::server);
        int size = 0;
        checked(::ioctl(near_socket_, FIONREAD, &size), "ioctl");
        return static_cast<std::size_t>(size);
    }

    /// Bytes from the near end that the far one has not acknowledged; a FIN counts as one.
    std::size_t unacknowledged() const {
        if (GetParam() == medium::memory)
            return wire_->in_flight(testing::memory_wire::end::client);
        int size = 0;
        checked(::ioctl(near_socket_, SIOCOUTQ, &size), "ioctl");
        return static_cast<std::size_t>(size);
    }

    /// Waits for that many, and lets the near end notice.
    void await_arrival(std::size_t size) {
        until([&] { return arrived() == size; });
        turns();
    }

    /// The far end has nothing more to send, and still reads.
    void finish_far() {
        if (GetParam() == medium::memory)
            wire_->finish(testing::memory_wire::end::client);
        else
            checked(::shutdown(far_socket_, SHUT_WR), "shutdown");
    }

    /// Far more than `narrow` lets through while the peer does not read.
    static constexpr std::size_t too_much = std::size_t{1} << 20;

    /// Queues that for a peer that does not read.
    static void block(frame_stream& s) {
        static_cast<void>(s.write(std::string(too_much, filler)));
    }

    static constexpr char filler = '.';

    /// What the peer got, without the filler.
    static std::string behind_filler(std::string all) {
        all.erase(0, all.find_first_not_of(filler));
        return all;
    }

    template <class T>
    T run(task<T> work) {
        return testing::run_coroutine(context_, std::move(work));
    }

    /// The error that it ends with; none where it ends well.
    template <class T>
    error_code failure(task<T> work) {
        try {
            run(std::move(work));
        } catch (const system_error& e) {
            message_ = e.what();
            return e.code();
        }
        return {};
    }

    std::shared_ptr<beside> start(task<> work) {
        auto state = std::make_shared<beside>();
        asio::co_spawn(context_, std::move(work), [state](std::exception_ptr error) {
            state->done = true;
            state->error = error;
        });
        return state;
    }

    template <class T>
    std::shared_ptr<beside> start(task<T> work, T& result) {
        auto state = std::make_shared<beside>();
        asio::co_spawn(context_, std::move(work), [state, &result](std::exception_ptr error, T r) {
            state->done = true;
            state->error = error;
            result = std::move(r);
        });
        return state;
    }

    void finish(const std::shared_ptr<beside>& b) {
        until([&] { return b->done; });
        if (b->error)
            std::rethrow_exception(b->error);
    }

    error_code failure(const std::shared_ptr<beside>& b) {
        until([&] { return b->done; });
        return code_of(b->error);
    }

    /// The condition may be about the kernel, which tells of nothing: it is asked again every
    /// millisecond.
    void until(const std::function<bool()>& condition) {
        const auto end = std::chrono::steady_clock::now() + testing::default_limit;
        while (!condition()) {
            if (std::chrono::steady_clock::now() >= end)
                throw testing::hang();
            context_.restart();
            context_.run_one_for(1ms);
        }
    }

    /// All that is due now. For showing that something does not happen: on sockets a byte may still
    /// be on its way.
    void turns() {
        context_.restart();
        context_.poll();
    }

    io_context context_;
    std::optional<testing::memory_wire> wire_;
    std::optional<frame_stream> near_, far_;
    int near_socket_ = -1, far_socket_ = -1;
    std::string message_;  // of the last failure
};

}  // namespace coserve::stream_check
